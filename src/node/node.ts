/**
 * A node: the replicas of all shards behind the one interface that RPC knows. `openNode` (open.ts) puts
 * it together; this file is what it can do.
 */
import { ViewstampError } from '../base/errors.ts'
import { isObject, type Json } from '../base/json.ts'
import type { Answer, Call, ClusterEvent, LogOptions, LogVerdict, Meta, NodeApi } from './api.ts'
import * as calls from './calls.ts'
import type { Closing, NodeContext } from './context.ts'
import { assertOpen, closedError, primaryName, roleOf } from './context.ts'
import { corrupt, isDamage } from './damage.ts'
import { Feeds } from './feeds.ts'
import * as follow from './follow.ts'
import { keyHistory } from './key-history.ts'
import { hear } from './lamport.ts'
import { checksumOf, verifyAll, walk, withoutStates } from './log-verify.ts'
import * as logs from './log-view.ts'
import { shardByName } from './route.ts'
import * as sessions from './sessions.ts'
import type { Shard } from './shard.ts'
import * as snapshots from './snapshot.ts'
import { health, members, nodeStatus, readiness } from './status.ts'
import { answerTrace, trace } from './trace.ts'

const ASK_MS = 3000
const HANDOVER_POLL_MS = 5

/** From the opening of its data until that is closed. */
export interface NodeLife {
  readonly context: NodeContext
  readonly close: () => Promise<void>
}

export class Node implements NodeApi {
  readonly feeds: Feeds
  #life: NodeLife
  /** Of this life, once it is being closed. */
  #closed: Promise<void> | undefined
  readonly #metrics: () => Promise<string | undefined>

  constructor(life: NodeLife, metrics: () => Promise<string | undefined>) {
    this.#life = life
    this.feeds = new Feeds(() => this.context)
    this.#metrics = metrics
  }

  /** Of its last life, while it is mending. */
  get context(): NodeContext {
    return this.#life.context
  }

  /** For what is more than to look at memory: throws while there is no life to ask. */
  get #open(): NodeContext {
    assertOpen(this.context)
    return this.context
  }

  /** Of the disk. What that means for the node it knows by then; this is what the caller is told. */
  async #reading<T>(read: (context: NodeContext) => Promise<T>): Promise<T> {
    const context = this.#open
    try {
      return await read(context)
    } catch (error) {
      if (isDamage(error)) throw corrupt()
      // What was read has been closed under it.
      throw context.closing === undefined ? error : closedError(context)
    }
  }

  get cluster(): string {
    return this.context.cluster.clusterId
  }

  get name(): string {
    return this.context.cluster.name
  }

  get version(): string {
    return this.context.options.version
  }

  get startedAtMs(): number {
    return this.context.startedAtMs
  }

  get peerId(): string {
    return this.context.cluster.peerId
  }

  hear(lamport: number): void {
    hear(this.context, lamport)
  }

  write(call: Call): Promise<Answer> {
    return calls.write(this.context, call)
  }

  read(call: Call): Promise<Answer> {
    return calls.read(this.context, call)
  }

  header(shard?: string) {
    return calls.headerOf(this.context, this.#shard(shard))
  }

  openSession(ttlMs: number | undefined, meta: Meta): Promise<Answer> {
    return sessions.openSession(this.context, ttlMs, meta)
  }

  keepAliveSession(session: string, meta: Meta): Promise<Answer> {
    return sessions.sessionCommand(this.context, 'keep-alive', session, meta)
  }

  closeSession(session: string, meta: Meta): Promise<Answer> {
    return sessions.sessionCommand(this.context, 'close', session, meta)
  }

  stateHash(meta: Meta): Promise<Answer> {
    return calls.stateHash(this.context, meta)
  }

  machines() {
    return calls.serviceOf(this.#shard(undefined)).machines
  }

  status() {
    return nodeStatus(this.context)
  }

  health() {
    return health(this.context)
  }

  members() {
    return members(this.context)
  }

  readiness() {
    return readiness(this.context)
  }

  logInfo(shard?: string) {
    return logs.logInfo(this.#shard(shard))
  }

  logTimeline(op: number, shard?: string) {
    return logs.logTimeline(this.context, this.#shard(shard), op)
  }

  async logRead(options: LogOptions, shard?: string) {
    return this.#reading(context => logs.logRead(context, this.#shard(shard), options))
  }

  async logVerify(allReplicas: boolean, name?: string): Promise<LogVerdict> {
    const shard = this.#shard(name)
    return this.#reading(async context =>
      allReplicas ? verifyAll(context, shard) : withoutStates(await walk(context, shard)),
    )
  }

  async trace(correlationId: string, limit: number, meta: Meta) {
    const { feeds } = this
    return this.#reading(context => trace({ context, feeds }, correlationId, limit, meta))
  }

  async stepDown(name: string | undefined, to: string | undefined, meta: Meta) {
    const shard = this.#shard(name)
    const until = performance.now() + (meta.timeoutMs ?? calls.TIMEOUT_MS)
    const context = this.#open
    if (to !== undefined && !context.cluster.members.some(m => m.name === to)) {
      if (context.nodes.some(node => node.name === to)) {
        const message = `${to} is a standby: it follows, and never becomes primary; name a replica`
        throw new ViewstampError('INVALID_PARAMS', message, { path: 'to' })
      }
      throw new ViewstampError('INVALID_PARAMS', `there is no member "${to}"`, { path: 'to' })
    }
    // The next view's primary is the next in line: for a certain one it may take several steps.
    for (let i = 0; i <= context.cluster.members.length; i++) {
      const before = shard.replica.viewNumber
      await this.#askToStepDown(shard)
      await this.#untilView(shard, before + 1, until)
      if (to === undefined || primaryName(context, shard) === to) break
    }
    return { view: shard.replica.viewNumber as number, primary: primaryName(context, shard) }
  }

  async #askToStepDown(shard: Shard): Promise<void> {
    if (shard.isPrimary) return shard.host.input({ type: 'step-down' })
    const primary = primaryName(this.context, shard)
    const member = this.context.cluster.members.find(m => m.name === primary)
    if (!member) throw new ViewstampError('VIEW_CHANGE', 'a view change is under way already')
    await this.context.asks.ask(member.peerId, 'step-down', { shard: shard.name }, ASK_MS)
  }

  async #untilView(shard: Shard, view: number, until: number): Promise<void> {
    const { replica } = shard
    while (replica.viewNumber < view || replica.status !== 'normal') {
      if (performance.now() > until) {
        throw new ViewstampError('TIMEOUT', 'no newer view has started in time', {
          outcome: 'none',
        })
      }
      await new Promise(resolve => setTimeout(resolve, HANDOVER_POLL_MS))
    }
  }

  watchKeys(...args: Parameters<NodeApi['watchKeys']>) {
    return follow.watchKeys(this.#open, ...args)
  }

  async pollKeys(...args: Parameters<NodeApi['pollKeys']>) {
    return follow.pollKeys(this.#open, ...args)
  }

  async keyHistory(...args: Parameters<NodeApi['keyHistory']>) {
    return this.#reading(context => keyHistory(context, ...args))
  }

  /** Also of the lives to come. */
  watchCluster(deliver: (event: ClusterEvent) => void) {
    const { followers } = this.context
    followers.add(deliver)
    return { cancel: () => void followers.delete(deliver) }
  }

  createSnapshot(meta: Meta) {
    return snapshots.createSnapshot(this.context, meta)
  }

  snapshots() {
    return snapshots.shelfOf(this.context).list()
  }

  openSnapshot(id: string) {
    return snapshots.shelfOf(this.context).open(id)
  }

  metrics() {
    return this.#metrics()
  }

  /** Hands over if primary, then closes everything in order. */
  stop(): Promise<void> {
    return this.#end('stopping')
  }

  /** As stop; but calls are told to come back, and who follows that there is more elsewhere, or here after `goOn`. */
  pause(): Promise<void> {
    return this.#end('mending')
  }

  /** After `pause`, with the data opened again. */
  goOn(life: NodeLife): void {
    this.#life = life
    this.#closed = undefined
  }

  #end(how: Closing): Promise<void> {
    this.#closed ??= this.#close(this.#life, how)
    return this.#closed
  }

  async #close({ context, close }: NodeLife, how: Closing): Promise<void> {
    if (context.closing === undefined) await this.#handOver(context)
    // It may have stopped itself meanwhile, for what it met.
    context.closing ??= how
    await close()
  }

  async #handOver(context: NodeContext): Promise<void> {
    const primaryOf = context.shards.filter(shard => shard.isPrimary)
    const others = context.network
      .peers()
      .some(({ peerId, connected }) => connected && roleOf(context, peerId) === 'replica')
    if (!others) return
    for (const shard of primaryOf) shard.host.input({ type: 'step-down' })
    const until = performance.now() + HANDOVER_MS
    const over = primaryOf.map(shard =>
      this.#untilView(shard, shard.replica.viewNumber + 1, until).catch(() => {}),
    )
    await Promise.all(over)
  }

  #shard(name: string | undefined): Shard {
    return shardByName(this.context.shards, name)
  }
}

/** How long a stopping primary waits for its successor. */
const HANDOVER_MS = 1000

/** Questions that other nodes may ask. */
export function askHandlers(
  context: () => NodeContext,
): Record<string, (from: string, params: Json) => Json | Promise<Json>> {
  const shardOf = (params: Json): Shard => {
    const name = isObject(params) ? params['shard'] : undefined
    return shardByName(context().shards, typeof name === 'string' ? name : undefined)
  }
  return {
    info: (from, params) => {
      const url = isObject(params) ? params['rpc'] : undefined
      if (typeof url === 'string' && url.length < 256) context().rpcUrls.set(from, url)
      return null
    },
    promised: (from, params) => {
      context().promises.told(from, params)
      return null
    },
    verify: async (_from, params) => {
      const upTo = isObject(params) ? Number(params['upTo']) : 0
      return (await walk(context(), shardOf(params), upTo)) as unknown as Json
    },
    trace: (_from, params) => answerTrace(context(), shardOf(params), params),
    checksum: (_from, params) =>
      checksumOf(context(), shardOf(params), isObject(params) ? Number(params['op']) : 0),
    'step-down': (_from, params) => {
      shardOf(params).host.input({ type: 'step-down' })
      return null
    },
  }
}
