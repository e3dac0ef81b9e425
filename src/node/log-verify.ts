/**
 * Is the log what it was? Each node walks its own chain on disk; the chains are then compared at an op that
 * all have. Every entry names its parent, so one equal checksum means an equal log before it, and the first
 * op that differs is found by halving. State is compared where two replicas name the same op.
 */
import { isObject, type Json } from '../base/json.ts'
import { StorageError } from '../storage/port.ts'
import type { LogVerdict, ReplicaVerdict } from './api.ts'
import type { NodeContext } from './context.ts'
import { roleOf } from './context.ts'
import type { Shard } from './shard.ts'

const SLICE_BYTES = 4 << 20
const WALK_MS = 60_000
const ASK_MS = 5_000

/** Walks the chain on disk up to `upTo`: the store computes every checksum again, the links are compared here. */
export async function walk(
  context: NodeContext,
  shard: Shard,
  upTo = Number.MAX_SAFE_INTEGER,
): Promise<ReplicaVerdict> {
  const { replica } = shard
  const first: number = replica.firstOp
  const head = Math.min(upTo, replica.durableOp, replica.commitNumber)
  const node = context.cluster.name
  const { checkpoint } = replica
  const states = [
    { op: replica.commitNumber as number, hash: shard.service.stateHash() },
    { op: checkpoint.opNumber as number, hash: `checkpoint ${checkpoint.stateHash}` },
  ]
  const verdict = { node, first, head, states }
  let hash: string = first > head ? checkpoint.checksum : ''
  for (let op = first; op <= head; ) {
    // The log may be cut from below while we walk.
    if (op < replica.firstOp) {
      op = replica.firstOp
      hash = ''
    }
    const entries = await context.store
      .readEntries(replica.shard, op, head, SLICE_BYTES)
      .catch(asFinding)
    if (entries instanceof StorageError) {
      const firstBad = await firstUnreadable(context, shard, op, head)
      return { ...verdict, ok: false, hash, firstBad, why: entries.message }
    }
    if (entries.length === 0 && op >= replica.firstOp) {
      return { ...verdict, ok: false, hash, firstBad: op, why: `entry ${op} is missing` }
    }
    for (const entry of entries) {
      if (entry.opNumber !== op || (hash !== '' && entry.parent !== hash)) {
        const why = `entry ${op} does not follow the one before it`
        return { ...verdict, ok: false, hash, firstBad: op, why }
      }
      hash = entry.checksum
      op++
    }
  }
  return { ...verdict, ok: true, hash }
}

/** Damage is what is looked for; anything else is trouble. */
function asFinding(error: unknown): StorageError {
  if (error instanceof StorageError && error.reason === 'damaged') return error
  throw error
}

/** A slice of many does not check: which one is it? */
async function firstUnreadable(
  { store }: NodeContext,
  { replica }: Shard,
  from: number,
  head: number,
): Promise<number> {
  for (let op = from; op < head; op++) {
    const entry = await store.readEntries(replica.shard, op, op, 1).catch(asFinding)
    if (entry instanceof StorageError) return op
  }
  return head
}

/** Of one entry, or of the checkpoint that stands at that op. */
export async function checksumOf(
  { store }: NodeContext,
  { replica }: Shard,
  op: number,
): Promise<string | null> {
  if (op === replica.checkpoint.opNumber) return replica.checkpoint.checksum
  const [entry] = await store.readEntries(replica.shard, op, op, 1)
  return entry !== undefined && entry.opNumber === op ? entry.checksum : null
}

/** One replica, this one or a peer, as the comparison sees it. */
interface Member {
  readonly name: string
  readonly verdict: ReplicaVerdict
  checksum(op: number): Promise<string | null>
}

export async function verifyAll(context: NodeContext, shard: Shard): Promise<LogVerdict> {
  const mine = await walk(context, shard)
  const self: Member = {
    name: context.cluster.name,
    verdict: mine,
    checksum: op => checksumOf(context, shard, op),
  }
  const others = context.nodes.filter(({ peerId }) => peerId !== context.cluster.peerId)
  const asked = await Promise.all(
    others.map(({ name, peerId }) => askPeer(context, shard, { name, peerId, upTo: mine.head })),
  )
  const missing = others
    .filter(({ peerId }, i) => asked[i] === undefined && roleOf(context, peerId) === 'replica')
    .map(({ name }) => name)
  const members = [self, ...asked.filter(each => each !== undefined)]
  const replicas = members.map(each => each.verdict)
  const found = { ...withoutStates(mine), replicas: replicas.map(withoutStates), missing }
  const broken = members.filter(({ verdict }) => !verdict.ok)
  if (broken.length > 0) {
    const firstBad = Math.min(...broken.map(({ verdict }) => verdict.firstBad ?? verdict.head))
    return { ...found, ok: false, odd: broken.map(({ name }) => name), firstBad }
  }
  const differing = (await differingLogs(members)) ?? differingStates(members)
  return differing === undefined ? found : { ...found, ok: false, ...differing }
}

interface Difference {
  readonly odd: readonly string[]
  readonly firstBad: number
  readonly what: 'log' | 'state'
}

async function differingLogs(members: readonly Member[]): Promise<Difference | undefined> {
  const common = Math.min(...members.map(({ verdict }) => verdict.head))
  const at = async (op: number) => Promise.all(members.map(member => member.checksum(op)))
  const split = minority(members, await at(common))
  if (split === undefined) return undefined
  let low = Math.max(...members.map(({ verdict }) => verdict.first))
  let high = common
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (minority(members, await at(middle)) === undefined) low = middle + 1
    else high = middle
  }
  return { odd: split, firstBad: low, what: 'log' }
}

/** Where two replicas name a state at the same op; under load they may name none in common. */
function differingStates(members: readonly Member[]): Difference | undefined {
  const kinds = [0, 1]
  for (const kind of kinds) {
    const ops = new Set(members.map(({ verdict }) => verdict.states[kind]?.op ?? 0))
    for (const op of ops) {
      const there = members.filter(({ verdict }) => verdict.states[kind]?.op === op)
      const hashes = there.map(({ verdict }) => verdict.states[kind]?.hash ?? null)
      const odd = minority(there, hashes)
      if (odd !== undefined) return { odd, firstBad: op, what: 'state' }
    }
  }
  return undefined
}

/** Who differs from most; all of them, if none are most. Undefined: all the same, as far as known. */
function minority(
  members: readonly Member[],
  values: readonly (string | null)[],
): string[] | undefined {
  const counts = new Map<string, number>()
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1)
  if (counts.size < 2) return undefined
  const most = Math.max(...counts.values())
  const isTied = [...counts.values()].filter(count => count === most).length > 1
  return members
    .filter((_, i) => isTied || counts.get(values[i] ?? '') !== most)
    .map(({ name }) => name)
}

async function askPeer(
  { asks, network }: NodeContext,
  shard: Shard,
  { name, peerId, upTo }: { name: string; peerId: string; upTo: number },
): Promise<Member | undefined> {
  const peer = network.peers().find(each => each.peerId === peerId)
  if (peer?.connected !== true) return undefined
  const ask = (what: string, params: object, ms: number): Promise<Json> =>
    asks.ask(peerId, what, { shard: shard.name, ...params } as Json, ms)
  const answer = await ask('verify', { upTo }, WALK_MS).catch(() => undefined)
  // One of another release may answer otherwise: then nothing is known of it.
  if (!isObject(answer) || !Array.isArray(answer['states'])) return undefined
  return {
    name,
    verdict: { ...(answer as unknown as ReplicaVerdict), node: name },
    checksum: async op => {
      const found = await ask('checksum', { op }, ASK_MS).catch(() => null)
      return typeof found === 'string' ? found : null
    },
  }
}

export function withoutStates({
  states: _,
  ...verdict
}: ReplicaVerdict): Omit<ReplicaVerdict, 'states'> {
  return verdict
}
