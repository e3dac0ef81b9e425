/**
 * Puts a node together: replicas read from the store, network, writer, timers. The log is read and
 * executed while the network starts; no message is handled before every replica has its promises back.
 */
import { FormatError } from '../base/bytes.ts'
import type { MachineService } from '../machine/compose.ts'
import { NetworkError } from '../network/error.ts'
import type { Network } from '../network/port.ts'
import type { ClusterRecord, ShardImage, Store } from '../storage/port.ts'
import { StorageError } from '../storage/port.ts'
import type { Configuration } from '../vr/configuration.ts'
import type { Effect } from '../vr/effect.ts'
import type { Message } from '../vr/message.ts'
import type { ReplicaOptions } from '../vr/options.ts'
import { boot, createReplica, replay, restore, restored } from '../vr/restart.ts'
import type { LogMark } from '../vr/state.ts'
import type { ReplicaNumber } from '../vr/terms.ts'
import { opNumber, replicaNumber } from '../vr/terms.ts'
import { decodeMessage, encodeMessage, WIRE_VERSION } from '../wire/codec.ts'
import { ASK_FRAME, Asks } from './ask.ts'
import type { NodeContext, NodeOptions, NodeRecord } from './context.ts'
import { closedError, emit, roleOf } from './context.ts'
import { onUnreadable, onWriteFailed, stopDamaged, stopDiverged, watchful } from './damage.ts'
import { followEvents } from './events.ts'
import { Greeted } from './greeted.ts'
import { lamportNow } from './lamport.ts'
import type { NodeMetrics } from './metrics.ts'
import type { NodeLife } from './node.ts'
import { askHandlers, Node } from './node.ts'
import { Promises, TELL_MS } from './promises.ts'
import { putBack } from './put-back.ts'
import { startScrub } from './scrubbing.ts'
import { Shard, shardName, startNonce } from './shard.ts'
import { LOOK_MS, LOOKS_MAX, Silence } from './silence.ts'
import { Writer } from './writer.ts'

export interface OpenOptions extends NodeOptions {
  readonly store: Store
  readonly network: Network
  readonly replica: ReplicaOptions
  /** A fresh service for each shard, of so many. */
  readonly service: (shard: number, shards: number) => MachineService
  readonly metrics: NodeMetrics
  readonly metricsText: () => Promise<string | undefined>
  readonly log: {
    info(message: string, more?: object): void
    warn(message: string, more?: object): void
  }
  /** The process must end: storage failed, the core found an impossibility, or a peer fenced us off. */
  readonly fail: (error: unknown) => void
  /**
   * Something was damaged when it was read, and the others can bring this node back: it is to be closed, and its
   * data opened again, which finds the damage, too. Not said: `fail`.
   */
  readonly damaged?: ((error: StorageError) => void) | undefined
  /** Of the life before, in this process: who follows events goes on with this one. */
  readonly before?: NodeContext | undefined
  /** Runs something again and again; gives what ends it. setInterval unless said. */
  readonly every?: ((ms: number, run: () => void) => () => void) | undefined
  /** The clock on the wall, for log time only. The machine's unless said. */
  readonly wallMs?: (() => number) | undefined
  /** Handed out as soon as it exists, for metrics. */
  readonly onContext?: (context: NodeContext, writer: Writer) => void
}

const TICK_MS = 10
const SWEEP_MS = 50
const SPACE_MS = 2000
/** A member that is up answers sooner; one that is down costs a restart no more than this. */
const GREET_MS = 300
const REPLAY_BYTES = 4 << 20
const RECORDS_A_TURN = 2000
/** Larger messages travel on the stream for bulk, behind nothing that is urgent. */
const BULK_BYTES = 256 * 1024

export async function openNode(options: OpenOptions): Promise<Node> {
  return new Node(await openLife(options), options.metricsText)
}

/** All of a node that ends when its data is closed. */
export async function openLife(options: OpenOptions): Promise<NodeLife> {
  const { store, network } = options
  const writer = new Writer(
    writes => store.commit(writes),
    error => void onWriteFailed(context, options, error),
    seconds => options.metrics.fsync(seconds),
  )
  const context: NodeContext = makeContext(options, writer)
  options.onContext?.(context, writer)
  const { nodes, cluster } = context
  const indexOf = new Map(nodes.map((node, i) => [node.peerId, replicaNumber(i)]))
  const others = nodes.filter(node => node.peerId !== cluster.peerId)
  network.setMembers(others)
  const booting: (() => void)[] = []
  let isFenced = false
  const members = others.filter(({ peerId }) => roleOf(context, peerId) === 'replica')
  const greeted = new Greeted(members.map(({ peerId }) => peerId))
  const started = network.start({
    frame: (from, frame) => onFrame(context, indexOf, from, frame),
    up: peer => {
      greeted.note(peer)
      onPeer(context, indexOf, peer, true)
    },
    down: (peer, reason) => {
      options.log.info(`lost ${nameOf(context, peer)}: ${reason}`)
      onPeer(context, indexOf, peer, false)
    },
    refused: (peer, reason) => {
      greeted.note(peer)
      options.log.warn(`no connection with ${nameOf(context, peer)}: ${reason}`, { peer })
    },
    fenced: reason => {
      // Not one vote more, however long the process takes to end.
      isFenced = true
      for (const shard of shards) shard.stop(closedError(context))
      options.fail(new NetworkError('fenced', reason))
    },
  })
  // It may fail (a port in use) while the logs are read: told by the await below, not as unhandled.
  started.catch(() => undefined)
  const shards: Shard[] = []
  for (const image of store.shards) {
    const { shard, start } = await openShard(options, context, writer, image)
    shards.push(shard)
    booting.push(start)
  }
  await started
  if (store.bootCounter > 1) await greeted.all(GREET_MS)
  ;(context.shards as Shard[]).push(...shards)
  if (!isFenced) for (const start of booting) start()
  const stopTimers = startTimers(options, context)
  const scrub = options.scrub && startScrub(context, writer, options.scrub, options.fail)
  context.scrub = scrub?.figures
  const close = async (): Promise<void> => {
    stopTimers()
    const why = closedError(context)
    for (const shard of shards) shard.stop(why)
    if (context.closing === 'mending') for (const shard of shards) shard.end(why)
    await scrub?.stop()
    await network.stop()
    // What it could not write has been told to whom it may concern.
    await writer.flush().catch(() => undefined)
    await store.close()
  }
  return { context, close }
}

function makeContext(options: OpenOptions, writer: Writer): NodeContext {
  const { network, before } = options
  const store = watchful(options.store, {
    putBack: (...which) => putBack({ store: options.store, writer, context }, ...which),
    unreadable: (error, seenAt) => onUnreadable(context, options, error, seenAt),
  })
  const context: NodeContext = {
    options,
    cluster: store.cluster,
    nodes: nodesOf(store.cluster, options.standbys ?? []),
    store,
    network,
    shards: [],
    asks: new Asks(
      (to, frame) => network.send(to, frame),
      askHandlers(() => context),
    ),
    promises: new Promises({
      replicas: () => context.shards.map(({ replica }) => replica),
      note: (peer, shard, promised) => store.notePromise(peer, shard, promised),
      tell: what => {
        for (const { peerId, connected } of network.peers()) {
          if (connected) context.asks.tell(peerId, 'promised', what)
        }
      },
    }),
    startedAtMs: before?.startedAtMs ?? Date.now(),
    rpcUrls: before?.rpcUrls ?? new Map(),
    followers: before?.followers ?? new Set(),
    alarms: new Map(),
    lamport: before?.lamport ?? 0,
    entriesPutBack: before?.entriesPutBack ?? 0,
    scrub: undefined,
    flush: () => writer.flush(),
    freeBytes: undefined,
    closing: undefined,
  }
  return context
}

/** A standby that its own configuration does not list has the next number: it is told nobody. */
function nodesOf(cluster: ClusterRecord, standbys: readonly NodeRecord[]): NodeRecord[] {
  const { members, peerId, name } = cluster
  const nodes = [
    ...members,
    ...standbys.filter(each => members.every(m => m.peerId !== each.peerId)),
  ]
  if (nodes.every(node => node.peerId !== peerId)) nodes.push({ name, peerId, addresses: [] })
  return nodes
}

/** The replica as its disk left it; `start` takes up its role. */
async function openShard(
  options: OpenOptions,
  context: NodeContext,
  writer: Writer,
  image: ShardImage,
): Promise<{ shard: Shard; start: () => void }> {
  const { store } = options
  const { members, peerId } = store.cluster
  const number = context.nodes.findIndex(node => node.peerId === peerId)
  const configuration: Configuration = {
    epochNumber: image.vsr.epochNumber,
    replicaCount: members.length,
    // Primaries of many shards are spread over the nodes.
    primaryOffset: image.shard % members.length,
  }
  const identity = {
    shard: image.shard,
    replicaNumber: replicaNumber(number),
    configuration,
    options: options.replica,
    nonce: startNonce(),
  }
  const { vsr, checkpoint, damage } = image
  const start = await logStart(store, image)
  const service = options.service(image.shard, store.cluster.shards)
  const replica = createReplica(identity, { vsr, checkpoint, start, damage }, service)
  for await (const records of inBatches(store.readRecords(image.shard), RECORDS_A_TURN)) {
    restore(replica, records)
  }
  try {
    restored(replica)
  } catch (error) {
    // Slices of the state are missing or not what they were: no checksum of a single record can tell.
    const message = error instanceof Error ? error.message : String(error)
    throw new StorageError('damaged', `${shardName(image.shard)}: ${message}`, { cause: error })
  }
  const shard = new Shard(replica, service, {
    writer,
    store: context.store,
    send: (to, index, message) => sendMessage(context, to, index, message),
    event: (of, event) => {
      followEvents(context, options.metrics, of, event)
      if (event.type === 'diverged') void stopDiverged(options, context, of, event.opNumber)
      if (event.type === 'not-repairable') void stopDamaged(options, context, of, event.opNumber)
    },
    lamport: () => lamportNow(context),
    fail: options.fail,
    unreadable: error => onUnreadable(context, options, error),
  })
  // What lies behind damage is read once that is repaired.
  const last = (damage?.runs[0]?.first ?? image.head + 1) - 1
  for (let op = checkpoint.opNumber + 1; op <= last; ) {
    const entries = await store.readEntries(image.shard, op, last, REPLAY_BYTES)
    if (entries.length === 0) throw new Error(`op ${op} of shard ${shard.name} cannot be read`)
    shard.host.carryOut(replay(replica, entries))
    op += entries.length
  }
  const first = store.bootCounter === 1
  const { wallMs = Date.now } = options
  return { shard, start: () => startShard(shard, boot(replica, first, wallMs()), wallMs()) }
}

function startShard(shard: Shard, effects: readonly Effect[], wallMs: number): void {
  shard.host.carryOut(effects)
  shard.tick(performance.now(), wallMs)
}

/** Where the retained log begins: the op before its first entry. */
async function logStart(store: Store, image: ShardImage): Promise<LogMark> {
  if (image.first > image.checkpoint.opNumber) return image.checkpoint
  const [oldest] = await store.readEntries(image.shard, image.first, image.first, 1)
  if (oldest === undefined) return image.checkpoint
  const { revBefore: rev, timeMs } = oldest
  return { opNumber: opNumber(image.first - 1), rev, timeMs }
}

async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncIterable<T[]> {
  let batch: T[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

function sendMessage(
  context: NodeContext,
  to: ReplicaNumber,
  shard: number,
  message: Message,
): void {
  const node = context.nodes[to]
  if (node === undefined) return
  const frame = encodeMessage(shard, message)
  const bulk = message.type === 'NEWCHECKPOINT' || frame.length > BULK_BYTES
  // A lost frame is the protocol's to send again.
  if (bulk && message.type !== 'PREPARE') context.network.sendBulk(node.peerId, frame)
  else context.network.send(node.peerId, frame)
}

function onFrame(
  context: NodeContext,
  indexOf: ReadonlyMap<string, ReplicaNumber>,
  peer: string,
  frame: Uint8Array,
): void {
  const from = indexOf.get(peer)
  if (from === undefined) return
  if (frame[0] === ASK_FRAME) return context.asks.onFrame(peer, frame)
  if (frame[0] !== WIRE_VERSION) return
  try {
    const { shard, message } = decodeMessage(frame)
    context.promises.heard(peer, shard, message)
    context.shards[shard]?.host.input({ type: 'deliver', from, message })
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    emit(context, { kind: 'bad_frame', peer: nameOf(context, peer), why: error.message })
  }
}

function onPeer(
  context: NodeContext,
  indexOf: ReadonlyMap<string, ReplicaNumber>,
  peer: string,
  connected: boolean,
): void {
  const replica = indexOf.get(peer)
  if (replica === undefined) return
  emit(context, { kind: connected ? 'peer_up' : 'peer_down', peer: nameOf(context, peer) })
  for (const shard of context.shards) shard.host.input({ type: 'peer', replica, connected })
  const rpc = context.options.rpcUrl()
  if (connected && rpc !== undefined) context.asks.tell(peer, 'info', { rpc })
}

const nameOf = ({ nodes }: NodeContext, peer: string): string =>
  nodes.find(node => node.peerId === peer)?.name ?? peer

function startTimers(options: OpenOptions, context: NodeContext): () => void {
  const { every = onInterval, wallMs = Date.now } = options
  const silence = new Silence()
  const watchSpace = () => void checkSpace(options, context)
  const ends = [
    every(TICK_MS, () => {
      const [now, wall] = [performance.now(), wallMs()]
      for (const shard of context.shards) shard.tick(now, wall)
    }),
    every(SWEEP_MS, () => {
      for (const shard of context.shards) shard.sweep()
    }),
    every(TELL_MS, () => context.promises.tick()),
    every(SPACE_MS, watchSpace),
    every(LOOK_MS, () => {
      for (const peer of silence.look(context.network.peers())) {
        context.network.disconnect(peer, `no answer for ${(LOOK_MS * LOOKS_MAX) / 1000} s`)
      }
    }),
  ]
  watchSpace()
  return () => {
    for (const end of ends) end()
  }
}

function onInterval(ms: number, run: () => void): () => void {
  const timer = setInterval(run, ms)
  return () => clearInterval(timer)
}

/** Before LevelDB runs into a full disk, which it does not survive, client writes stop. */
async function checkSpace(options: OpenOptions, context: NodeContext): Promise<void> {
  const free = await options.store.freeBytes().catch(() => undefined)
  if (free === undefined) return
  context.freeBytes = free
  const low = free < options.minFreeBytes
  if (low === context.alarms.has('no_space')) return
  if (low) {
    const mib = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`
    const message = `${context.cluster.name} has ${mib(free)} of disk left, less than storage.minFree (${mib(options.minFreeBytes)}): it takes no writes until there is room`
    context.alarms.set('no_space', message)
    options.log.warn(message)
  } else {
    context.alarms.delete('no_space')
  }
  for (const shard of context.shards) shard.host.input({ type: 'space', isShort: low })
  emit(context, { kind: low ? 'alarm_raised' : 'alarm_cleared', alarm: 'no_space' })
}
