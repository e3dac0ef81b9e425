/**
 * Repair of damaged log entries, ours (decision 0018; the paper's disks do not rot). A start that finds entries
 * damaged knows what stood there: the witness tells the checksum of the head, each entry that of the one
 * before. So they are fetched from whoever has exactly them, and written where they were:
 *
 *   repairing: GETENTRIES → NEWENTRIES, checksums compared, from the end of a run downwards → written
 *   → none is left: the log is read on, and the replica starts as it would have (restart.ts)
 *
 * Until then it gives no vote and no acknowledgement: to the others it has not started yet. It gives entries
 * itself, as every replica does in every status but `recovering`: they speak for themselves.
 */
import { present } from '../base/assert.ts'
import { quorumOf } from './configuration.ts'
import type { Effect } from './effect.ts'
import type { Entry } from './entry.ts'
import { chains, suffixFrom } from './log.ts'
import type { GetEntries, Message, NewEntries } from './message.ts'
import { boot, replay } from './restart.ts'
import type { Replica } from './state.ts'
import { broadcast, opOf, viewIsDurable, write } from './state.ts'
import type { Checksum, OpNumber, ReplicaNumber } from './terms.ts'
import { opNumber } from './terms.ts'

/** Entries first … last are damaged or missing; the one at `last` had this checksum. */
export interface DamagedRun {
  readonly first: OpNumber
  readonly last: OpNumber
  readonly checksum: Checksum
}

/** What an audit found behind the checkpoint, up to the head of the log. */
export interface Damage {
  readonly head: OpNumber
  /** In order; at least one. */
  readonly runs: readonly DamagedRun[]
}

export interface RepairState {
  readonly head: OpNumber
  /** What is left, in order: the last one is being fetched, from its end. */
  readonly runs: DamagedRun[]
  /** Of the question under way, however often it is repeated. */
  nonce: number
  sentMs: number
  /** Normal, and without the entry that is asked for. */
  readonly without: Set<ReplicaNumber>
  /** Token of a write or a load under way: nothing is asked meanwhile. */
  underWay: number | undefined
  isHopeless: boolean
}

/** Entries asked for at once. */
const ENTRIES_MAX = 16
/** Questions waiting for the disk; more are dropped and asked again. */
const LOADS_MAX = 16

export function repairOf(damage: Damage, nonce: number): RepairState {
  return {
    head: damage.head,
    runs: [...damage.runs],
    nonce,
    sentMs: Number.NEGATIVE_INFINITY,
    without: new Set(),
    underWay: undefined,
    isHopeless: false,
  }
}

export function beginRepair(replica: Replica, { runs }: RepairState, effects: Effect[]): void {
  replica.status = 'repairing'
  const ops = runs.map(({ first, last }) => (first === last ? `${first}` : `${first} to ${last}`))
  const some = `${ops.slice(0, 3).join(', ')}${ops.length > 3 ? ' …' : ''}`
  const reason = `its log is damaged at op ${some}: it asks the others`
  effects.push({ type: 'event', event: { type: 'status', status: 'repairing', reason } })
}

/** What a repairing replica hears: it takes part in nothing else. */
export function isOfRepair({ type }: Message): boolean {
  return type === 'GETENTRIES' || type === 'NEWENTRIES'
}

export function tickRepair(replica: Replica, effects: Effect[]): void {
  const repair = present(replica.repair, 'a repairing replica knows what is damaged')
  if (repair.underWay !== undefined || repair.isHopeless) return
  if (replica.clockMs - repair.sentMs < replica.options.resendMs) return
  repair.sentMs = replica.clockMs
  broadcast(replica, question(repair), effects)
}

/** ⟨GETENTRIES n', n, x⟩: the end of the last run, from below it down. */
function question({ runs, nonce }: RepairState): GetEntries {
  const { first, last } = present(runs.at(-1), 'something is damaged')
  const from = opNumber(Math.max(first, last - ENTRIES_MAX + 1))
  return { type: 'GETENTRIES', nonce, first: from, last }
}

/** Answered in any status but `recovering`, from memory or from disk: who asked knows what they have to be. */
export function onGetEntries(
  replica: Replica,
  from: ReplicaNumber,
  { nonce, first, last }: GetEntries,
  effects: Effect[],
): void {
  const { log, loads } = replica
  const lowest = Math.max(first, lowestWhole(replica, last))
  const head = replica.repair?.head ?? opOf(replica)
  if (lowest > last || last > head) {
    giveEntries(replica, { to: from, nonce }, [], effects)
  } else if (last > log.base.opNumber && last <= opOf(replica)) {
    const start = Math.max(lowest, log.base.opNumber + 1)
    const entries = suffixFrom(log, start).slice(0, last - start + 1)
    giveEntries(replica, { to: from, nonce }, entries, effects)
  } else if (loads.size < LOADS_MAX) {
    loadEntries(replica, { to: from, nonce, last }, lowest, effects)
  }
}

/** From here to `last` our log is whole; above `last` when it is not. */
function lowestWhole({ firstOp, repair }: Replica, last: number): number {
  let lowest: number = firstOp
  for (const run of repair?.runs ?? []) {
    if (run.first <= last) lowest = Math.max(lowest, run.last + 1)
  }
  return lowest
}

/** Who asked for entries that are on disk, and for which; for state transfer `last` is not set. */
export interface Asker {
  readonly to: ReplicaNumber
  readonly nonce: number
  readonly last?: OpNumber
}

function loadEntries(replica: Replica, asker: Asker, first: number, effects: Effect[]): void {
  const token = replica.nextToken++
  replica.loads.set(token, asker)
  const last = present(asker.last, 'a repair names the last entry')
  const bytesMax = replica.options.transferBytesMax
  effects.push({ type: 'load', token, first: opNumber(first), last, bytesMax })
}

/** They came from disk, from the first on: those at the end are wanted, and so fewer are read if they did not fit. */
export function onEntriesLoaded(
  replica: Replica,
  asker: Asker & { readonly last: OpNumber },
  entries: readonly Entry[],
  effects: Effect[],
): void {
  const first = entries[0]?.opNumber
  const reached = entries.at(-1)?.opNumber
  if (first === undefined || reached === undefined || reached >= asker.last) {
    return giveEntries(replica, asker, entries, effects)
  }
  loadEntries(replica, asker, Math.ceil((first + 1 + asker.last) / 2), effects)
}

/** Counted from the last one, as many as fit. */
function giveEntries(
  replica: Replica,
  { to, nonce }: Asker,
  entries: readonly Entry[],
  effects: Effect[],
): void {
  let start = entries.length
  for (let bytes = 0; start > 0; start--) {
    bytes += present(entries[start - 1], 'the index is within').bytes.length
    if (start < entries.length && bytes > replica.options.transferBytesMax) break
  }
  const isNormal = replica.status === 'normal' && viewIsDurable(replica)
  const message: NewEntries = {
    type: 'NEWENTRIES',
    nonce,
    entries: entries.slice(start),
    isNormal,
  }
  effects.push({ type: 'send', to, message })
}

/** ⟨NEWENTRIES l, x⟩: taken only if they are what stood here, byte for byte. */
export function onNewEntries(
  replica: Replica,
  from: ReplicaNumber,
  { nonce, entries, isNormal }: NewEntries,
  effects: Effect[],
): void {
  const { repair } = replica
  if (repair === undefined || repair.nonce !== nonce) return
  if (repair.underWay !== undefined || repair.isHopeless) return
  const run = present(repair.runs.at(-1), 'something is damaged')
  if (areOf(run, entries)) takeEntries(replica, repair, entries, effects)
  else if (isNormal) noteWithout(replica, repair, from, effects)
}

/** The end of the run: the last is the one whose checksum is known, each other the parent of the next. */
function areOf(run: DamagedRun, entries: readonly Entry[]): boolean {
  let { last, checksum }: { last: number; checksum: Checksum } = run
  for (const entry of entries.toReversed()) {
    if (entry.checksum !== checksum || entry.opNumber !== last || last < run.first) return false
    last--
    checksum = entry.parent
  }
  return entries.length > 0
}

function takeEntries(
  replica: Replica,
  repair: RepairState,
  entries: readonly Entry[],
  effects: Effect[],
): void {
  const run = present(repair.runs.pop(), 'something is damaged')
  const lowest = present(entries[0], 'there are some')
  if (lowest.opNumber > run.first) {
    const last = opNumber(lowest.opNumber - 1)
    repair.runs.push({ first: run.first, last, checksum: lowest.parent })
  }
  repair.nonce = replica.nextNonce++
  repair.without.clear()
  repair.sentMs = Number.NEGATIVE_INFINITY
  repair.underWay = write(replica, effects, { repair: entries })
}

/** A quorum can go on without us, and has not what we lack: then what we promised is not needed. */
function noteWithout(
  replica: Replica,
  repair: RepairState,
  from: ReplicaNumber,
  effects: Effect[],
): void {
  repair.without.add(from)
  if (repair.without.size < quorumOf(replica.configuration)) return
  giveUp(repair, present(repair.runs.at(-1), 'something is damaged').last, effects)
}

function giveUp(repair: RepairState, opNumber: OpNumber, effects: Effect[]): void {
  repair.isHopeless = true
  effects.push({ type: 'event', event: { type: 'not-repairable', opNumber } })
}

/** What was fetched is on disk: the next question, or the rest of the log is read. */
export function onRepairWritten(replica: Replica, token: number, effects: Effect[]): void {
  const { repair } = replica
  if (repair?.underWay === undefined || token < repair.underWay) return
  repair.underWay = undefined
  if (repair.runs.length > 0) tickRepair(replica, effects)
  else readOn(replica, repair, effects)
}

function readOn(replica: Replica, repair: RepairState, effects: Effect[]): void {
  const token = replica.nextToken++
  repair.underWay = token
  const first = opNumber(opOf(replica) + 1)
  const bytesMax = replica.options.transferBytesMax
  effects.push({ type: 'load', token, first, last: repair.head, bytesMax })
}

/** As at any start; then it is one. Its patience begins now: nobody could have been heard. */
export function onReadOn(replica: Replica, entries: readonly Entry[], effects: Effect[]): void {
  const repair = present(replica.repair, 'the log is read on after a repair')
  const first = present(entries[0], 'the log is whole now')
  // What lies below contradicts what was repaired: whole by itself, and not what was promised.
  if (!chains(replica.log, first)) return giveUp(repair, first.opNumber, effects)
  effects.push(...replay(replica, entries))
  if (opOf(replica) < repair.head) return readOn(replica, repair, effects)
  replica.repair = undefined
  replica.status = 'normal'
  replica.backup.heardMs = replica.clockMs
  replica.change.startedMs = replica.clockMs
  effects.push({ type: 'event', event: { type: 'repaired', opNumber: repair.head } })
  effects.push(...boot(replica, false, replica.wallMs))
}
