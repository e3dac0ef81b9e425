/**
 * A node of one: the real key-value machine and the real stream of changes, without a log. Writes are
 * executed in the order in which they were handed over, each in a later turn, as a node would.
 */
import { Readable } from 'node:stream'
import { ERRORS, type ErrorName, ViewstampError } from '../../src/base/errors.ts'
import { isObject, type Json } from '../../src/base/json.ts'
import { KvMachine } from '../../src/machine/kv/kv.ts'
import { type Change, Rejected } from '../../src/machine/machine.ts'
import type {
  Answer,
  Call,
  ClusterEvent,
  CommitEvent,
  Header,
  NodeApi,
  Position,
} from '../../src/node/api.ts'
import { ChangeStream, eventsOf } from '../../src/node/watch.ts'
import { FakeFeeds } from './fake-feeds.ts'

export class FakeNode implements NodeApi {
  readonly cluster = 'test'
  readonly name = 'n1'
  readonly version = '0.1.0'
  readonly startedAtMs = 0
  /** Every call that reached the node, in order. */
  readonly calls: Call[] = []
  /** Thrown instead of executing the next write. */
  failNext: Error | undefined
  /** While set, writes wait for it. */
  gate: Promise<void> | undefined
  ready = true
  readonly feeds: FakeFeeds = new FakeFeeds(() => this.header(), run)
  readonly #kv = new KvMachine()
  /** As on disk. */
  readonly #kept: CommitEvent[] = []
  readonly #changes = new ChangeStream({
    read: async (first, limit) => this.#kept.filter(event => event.rev >= first).slice(0, limit),
    firstRev: () => this.firstRev,
  })
  readonly #followers = new Set<(event: ClusterEvent) => void>()
  firstRev = 1
  #rev = 0

  get clusterFollowers(): number {
    return this.#followers.size
  }

  get keyFollowers(): number {
    return this.#changes.followers
  }

  /** Lamport times that callers said they had seen. */
  readonly heard: number[] = []
  hear(lamport: number): void {
    this.heard.push(lamport)
  }

  async write(call: Call): Promise<Answer> {
    this.calls.push(call)
    const failure = this.failNext
    this.failNext = undefined
    await this.gate
    await Promise.resolve()
    if (failure !== undefined) throw failure
    return this.execute(call)
  }

  execute(call: Call): Answer {
    const rev = ++this.#rev
    const changes: Change[] = []
    const { correlationId } = call.meta
    const at = { opNumber: rev, rev, timeMs: rev, session: 's', correlationId }
    const result =
      call.machine === 'kv' ? run(() => this.#kv.apply(stored(call.body), at, changes)) : call.body
    const of = { shard: 'main', view: 3, op: rev, timeMs: rev }
    const events = () => eventsOf(changes, of, () => ({ lamport: 2 * rev, correlationId }))
    this.#kept.push(...events())
    this.#changes.add({ rev, changes: changes.length, events })
    const answer = { result, lamport: 2 * rev, header: this.header() }
    return call.machine === 'kv' ? answer : { ...answer, rev }
  }

  async read(call: Call): Promise<Answer> {
    this.calls.push(call)
    const asked = call.body
    const result = call.machine === 'kv' ? run(() => this.#kv.query(asked, this.#rev)) : asked
    return { result, header: this.header() }
  }

  header(shard = 'main'): Header {
    const { cluster, name: node } = this
    const op = this.#rev
    return { cluster, node, shard, epoch: 0, view: 3, op, commit: op, primary: 'n1', timeMs: op }
  }

  async openSession(): Promise<Answer> {
    return { result: { session: 'abc', nextSeq: 1 }, header: this.header() }
  }
  async keepAliveSession(session: string): Promise<Answer> {
    return { result: { session }, header: this.header() }
  }
  async closeSession(session: string): Promise<Answer> {
    return { result: { session }, header: this.header() }
  }
  async stateHash(): Promise<Answer> {
    return {
      result: {
        hash: 'ab'.repeat(16),
        op: this.#rev,
        rev: this.#rev,
        machines: { kv: 'cd'.repeat(16) },
      },
      header: this.header(),
    }
  }
  machines() {
    return [
      { name: 'kv', version: 1 },
      { name: 'echo', version: 1 },
    ]
  }
  status() {
    return {
      name: 'n1',
      peerId: '12D3',
      role: 'replica' as const,
      rpc: null,
      shards: [],
      peers: [],
      uptimeMs: 1,
      alarms: [],
    }
  }
  health() {
    return { nodes: [], quorum: true, faultsTolerated: 0, advice: [] }
  }
  members() {
    return { clusterId: 'fake', foundingId: '0', shards: 1, epoch: 0, members: [] }
  }
  async stepDown() {
    return { view: 4, primary: 'n2' }
  }
  logInfo() {
    return { first: 1, op: this.#rev, commit: this.#rev, checkpoint: 0 }
  }
  async logRead({ from, limit }: { from: number; limit: number }) {
    const entries = []
    for (let op = from; op <= this.#rev && entries.length < limit; op++) {
      entries.push({
        op,
        view: 3,
        timeMs: op,
        lamport: 2 * op,
        checksum: 'c',
        parent: 'p',
        revBefore: op - 1,
      })
    }
    return entries
  }
  logTimeline(op: number) {
    if (op > this.#rev) return []
    return [{ node: 'n1', event: 'executed' as const, atMs: 1_000.25 }]
  }
  async trace(correlationId: string, limit: number) {
    const asked = { correlationId, limit }
    return { ...asked, events: [], edges: [], since: { main: 1 }, missing: [], more: false }
  }
  async logVerify() {
    return { node: 'n1', ok: true, first: 1, head: this.#rev, hash: 'h' }
  }
  watchKeys(...[range, from, deliver, ended]: Parameters<NodeApi['watchKeys']>) {
    return this.#changes.watch(range, revOf(from), deliver, ended)
  }
  /** A checkpoint came instead of the changes up to rev. */
  jump(rev: number): void {
    this.#rev = rev
    this.firstRev = rev + 1
    this.#changes.reset(rev)
  }
  pollKeys(...[range, from, options]: Parameters<NodeApi['pollKeys']>) {
    return this.#changes.poll(range, revOf(from), options)
  }
  async keyHistory(key: string): Promise<Answer> {
    const versions = [{ rev: this.#rev, value: key, deleted: false, timeMs: 1 }]
    return { result: { versions, more: false, firstRev: 1 }, header: this.header() }
  }
  watchCluster(deliver: (event: ClusterEvent) => void) {
    this.#followers.add(deliver)
    return { cancel: () => this.#followers.delete(deliver) }
  }
  tell(event: ClusterEvent): void {
    for (const deliver of this.#followers) deliver(event)
  }
  /** What GET /snapshots gives, by id. */
  readonly kept = new Map<string, Buffer>()
  async createSnapshot() {
    return { snapshot: 'op1-00000000', op: this.#rev, bytes: 9, hash: 'ab', createdMs: 0 }
  }
  async snapshots() {
    return [...this.kept].map(([snapshot, content]) => {
      return { snapshot, op: 1, bytes: content.length, hash: 'ab', createdMs: 0 }
    })
  }
  async openSnapshot(id: string) {
    const content = this.kept.get(id)
    return content && { bytes: content.length, content: Readable.from(piecesOf(content)) }
  }
  readiness() {
    return { ready: this.ready, checks: [{ name: 'quorum', ok: this.ready, detail: '3 of 3' }] }
  }
  async metrics() {
    return 'viewstamp_view 3\n'
  }
}

function* piecesOf(content: Buffer): Generator<Buffer> {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536)
}

/** The body as the log keeps it: JSON text. */
function stored(body: Json): Json {
  return JSON.parse(JSON.stringify(body)) as Json
}

function run<T>(execute: () => T): T {
  try {
    return execute()
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    const name = error.errorName in ERRORS ? (error.errorName as ErrorName) : 'APP_REJECTED'
    throw new ViewstampError(name, error.message, isObject(error.data) ? error.data : {})
  }
}

/** It has one shard: no cursors. */
const revOf = (from: Position) => from as number | 'now' | 'first'
