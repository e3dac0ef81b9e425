/**
 * The log as a replica holds it in memory: its tail, from a base whose checksum is known. What lies
 * below is on disk (or only in a checkpoint). Every entry names its parent's checksum, so one
 * comparison at one op compares all of the log before it.
 */
import { assert, present } from '../base/assert.ts'
import type { Entry } from './entry.ts'
import { lamportAfter, revAfter } from './entry.ts'
import type { Checksum, OpNumber, Rev } from './terms.ts'
import { opNumber } from './terms.ts'

/** The op before the first entry in memory. */
export interface LogBase {
  readonly opNumber: OpNumber
  readonly checksum: Checksum
  /** Operations in the log up to and including the base. */
  readonly rev: Rev
  readonly timeMs: number
  /** Lamport time of the last command. */
  readonly lamport: number
}

export interface Log {
  base: LogBase
  /** Ops base + 1 … op-number, dense. */
  entries: Entry[]
  /** Bytes of `entries`. */
  bytes: number
  /** Highest commit-number that the makers of our entries knew: certainly committed. */
  committedFloor: OpNumber
}

export function emptyLog(base: LogBase): Log {
  return { base, entries: [], bytes: 0, committedFloor: base.opNumber }
}

/** The op-number: the head of the log. */
export function headOf(log: Log): OpNumber {
  return opNumber(log.base.opNumber + log.entries.length)
}

export function entryAt(log: Log, op: number): Entry | undefined {
  return log.entries[op - log.base.opNumber - 1]
}

/** Checksum at op, if op is the base or in memory. */
export function checksumAt(log: Log, op: number): Checksum | undefined {
  return op === log.base.opNumber ? log.base.checksum : entryAt(log, op)?.checksum
}

/** What the next entry has to follow. */
export function headMark(log: Log): LogBase {
  const last = log.entries[log.entries.length - 1]
  return last === undefined ? log.base : markOf(last)
}

export function markOf(entry: Entry): LogBase {
  const { opNumber, checksum, timeMs } = entry
  return { opNumber, checksum, rev: revAfter(entry), timeMs, lamport: lamportAfter(entry) }
}

/** True when `entry` may stand right behind the head. */
export function chains(log: Log, entry: Entry): boolean {
  const head = headMark(log)
  return entry.opNumber === head.opNumber + 1 && entry.parent === head.checksum
}

export function append(log: Log, entry: Entry): void {
  assert(chains(log, entry), 'an appended entry chains to the head')
  assert(entry.revBefore === headMark(log).rev, 'rev counts the operations before the entry')
  log.entries.push(entry)
  log.bytes += entry.bytes.length
  if (entry.commitNumber > log.committedFloor) log.committedFloor = entry.commitNumber
}

/** Drops op and everything behind it. */
export function truncateFrom(log: Log, op: OpNumber): void {
  assert(op > log.base.opNumber, 'nothing at or below the base is cut off')
  for (const entry of log.entries.splice(op - log.base.opNumber - 1)) {
    log.bytes -= entry.bytes.length
  }
}

/** Ops first … head. */
export function suffixFrom(log: Log, first: number): readonly Entry[] {
  assert(first > log.base.opNumber, 'the suffix asked for is in memory')
  return log.entries.slice(first - log.base.opNumber - 1)
}

/** Forgets executed entries from memory, down to the given bounds; they stay on disk. */
export function forget(log: Log, executed: OpNumber, keep: number, keepBytes: number): void {
  // In bulk, so that the cost per entry stays constant.
  if (log.entries.length < 2 * keep && log.bytes < 2 * keepBytes) return
  let drop = 0
  let bytes = log.bytes
  const removable = executed - log.base.opNumber
  while (drop < removable && (log.entries.length - drop > keep || bytes > keepBytes)) {
    bytes -= present(log.entries[drop], 'entry is in memory').bytes.length
    drop++
  }
  if (drop === 0) return
  log.base = markOf(present(log.entries[drop - 1], 'entry is in memory'))
  log.entries.splice(0, drop)
  log.bytes = bytes
}
