/**
 * The parts that messages are made of: lists, answers, checkpoints, optional text. A list's count is
 * refused when more than its limit, or more than its shortest items could fit in the bytes left.
 */
import { unreachable } from '../base/assert.ts'
import { FormatError, type Reader, text, utf8, type Writer } from '../base/bytes.ts'
import {
  COMMANDS_MAX,
  type Command,
  ENTRY_BYTES_MAX,
  type Entry,
  readCommand,
  readEntry,
  writeCommand,
} from '../vr/entry.ts'
import type {
  CheckpointId,
  ColdText,
  RefusalReason,
  ReplyAnswer,
  StateReport,
} from '../vr/message.ts'
import type { ServiceRecord } from '../vr/service.ts'
import {
  type ClientId,
  checksumOf,
  clientId,
  opNumber,
  type RequestNumber,
  requestNumber,
  revOf,
  viewNumber,
} from '../vr/terms.ts'

export const ENTRIES_MAX = 65_536
export const RECORDS_MAX = 1_048_576
export const RECORD_ID_BYTES_MAX = 65_536
export const RECORD_BYTES_MAX = 32 * 1024 * 1024
const RESULT_BYTES_MAX = 32 * 1024 * 1024
const STATE_HASH_BYTES_MAX = 256

/** Fewest bytes that one item can take. */
const COMMAND_BYTES_MIN = 1 + 1 + 8 + 8 + 4 + 4
const ENTRY_BYTES_MIN = 4
const RECORD_BYTES_MIN = 4 + 1
const ID_BYTES_MIN = 4

const REFUSALS: readonly RefusalReason[] = [
  'not-primary',
  'view-change',
  'overloaded',
  'number-in-use',
  'no-space',
]
const FORGOTTEN = ['no-session', 'too-old', 'result-dropped'] as const

function readCount(r: Reader, max: number, itemBytesMin: number): number {
  const count = r.u32()
  if (count > max) throw new FormatError(`${count} items in a list of at most ${max}`)
  if (count * itemBytesMin > r.left) throw new FormatError('record is cut short')
  return count
}

function readList<T>(r: Reader, count: number, item: (r: Reader) => T): T[] {
  const items: T[] = []
  for (let i = 0; i < count; i++) items.push(item(r))
  return items
}

export function writeCommands(w: Writer, commands: readonly Command[]): void {
  w.u32(commands.length)
  for (const command of commands) writeCommand(w, command)
}

export function readCommands(r: Reader): Command[] {
  return readList(r, readCount(r, COMMANDS_MAX, COMMAND_BYTES_MIN), readCommand)
}

export function writeEntries(w: Writer, entries: readonly Entry[]): void {
  w.u32(entries.length)
  for (const entry of entries) w.bytes(entry.bytes)
}

export function readEntries(r: Reader): Entry[] {
  return readList(r, readCount(r, ENTRIES_MAX, ENTRY_BYTES_MIN), readOneEntry)
}

export function readOneEntry(r: Reader): Entry {
  return readEntry(r.bytes(ENTRY_BYTES_MAX))
}

export function writeRecords(w: Writer, records: readonly ServiceRecord[]): void {
  w.u32(records.length)
  for (const record of records) {
    w.text(record.id)
    writeOptionalText(w, record.value)
  }
}

export function readRecords(r: Reader): ServiceRecord[] {
  return readList(r, readCount(r, RECORDS_MAX, RECORD_BYTES_MIN), readRecord)
}

function readRecord(r: Reader): ServiceRecord {
  return { id: r.text(RECORD_ID_BYTES_MAX), value: readOptionalText(r) }
}

export function writeIds(w: Writer, ids: readonly string[]): void {
  w.u32(ids.length)
  for (const id of ids) w.text(id)
}

export function readIds(r: Reader): string[] {
  const count = readCount(r, RECORDS_MAX, ID_BYTES_MIN)
  return readList(r, count, each => each.text(RECORD_ID_BYTES_MAX))
}

export function writeTexts(w: Writer, texts: readonly ColdText[]): void {
  w.u32(texts.length)
  for (const { id, text: content } of texts) w.text(id).text(content)
}

export function readTexts(r: Reader): ColdText[] {
  return readList(r, readCount(r, RECORDS_MAX, 2 * ID_BYTES_MIN), each => ({
    id: each.text(RECORD_ID_BYTES_MAX),
    text: each.text(RECORD_BYTES_MAX),
  }))
}

export function writeOptionalText(w: Writer, value: string | undefined): void {
  if (value === undefined) w.u8(0)
  else w.u8(1).text(value)
}

export function readOptionalText(r: Reader): string | undefined {
  return readFlag(r) ? r.text(RECORD_BYTES_MAX) : undefined
}

export const writeFlag = (w: Writer, flag: boolean): unknown => w.u8(flag ? 1 : 0)

/** One byte, 0 or 1: anything else is damage, and one message has one encoding. */
export function readFlag(r: Reader): boolean {
  const flag = r.u8()
  if (flag > 1) throw new FormatError('a flag is neither 0 nor 1')
  return flag === 1
}

export function writeClient(w: Writer, id: ClientId, number: RequestNumber): void {
  const bytes = utf8(id)
  w.u8(bytes.length).raw(bytes).f64(number)
}

export function readClient(r: Reader): { clientId: ClientId; requestNumber: RequestNumber } {
  const bytes = r.raw(r.u8())
  try {
    return { clientId: clientId(text(bytes)), requestNumber: requestNumber(r.f64()) }
  } catch (error) {
    throw error instanceof FormatError ? error : new FormatError('client-id is not UTF-8')
  }
}

export function writeCheckpointId(w: Writer, id: CheckpointId | undefined): void {
  if (id === undefined) {
    w.u8(0)
    return
  }
  w.u8(1).f64(id.opNumber).hex16(id.checksum).f64(id.rev).f64(id.timeMs)
  w.f64(id.lamport).text(id.stateHash)
}

export function readCheckpointId(r: Reader): CheckpointId | undefined {
  if (!readFlag(r)) return undefined
  return {
    opNumber: opNumber(r.f64()),
    checksum: checksumOf(r.hex16()),
    rev: revOf(r.f64()),
    timeMs: r.f64(),
    lamport: r.f64(),
    stateHash: r.text(STATE_HASH_BYTES_MAX),
  }
}

export function writeStateReport(w: Writer, report: StateReport): void {
  w.f64(report.opNumber).text(report.stateHash)
}

export function readStateReport(r: Reader): StateReport {
  return { opNumber: opNumber(r.f64()), stateHash: r.text(STATE_HASH_BYTES_MAX) }
}

export function writeOptionalStateReport(w: Writer, report: StateReport | undefined): void {
  writeFlag(w, report !== undefined)
  if (report !== undefined) writeStateReport(w, report)
}

export function readOptionalStateReport(r: Reader): StateReport | undefined {
  return readFlag(r) ? readStateReport(r) : undefined
}

export function writeAnswer(w: Writer, answer: ReplyAnswer): void {
  switch (answer.type) {
    case 'executed':
      w.u8(0).f64(answer.opNumber).f64(answer.viewNumber).f64(answer.rev)
      w.f64(answer.lamport).f64(answer.timeMs)
      w.bytes(answer.result)
      return
    case 'refused':
      w.u8(1).u8(REFUSALS.indexOf(answer.reason))
      return
    case 'forgotten':
      w.u8(2).u8(FORGOTTEN.indexOf(answer.reason))
      return
    case 'reused':
      w.u8(3)
      return
    default:
      unreachable(answer)
  }
}

export function readAnswer(r: Reader): ReplyAnswer {
  const type = r.u8()
  if (type === 0) {
    return {
      type: 'executed',
      opNumber: opNumber(r.f64()),
      viewNumber: viewNumber(r.f64()),
      rev: revOf(r.f64()),
      lamport: r.f64(),
      timeMs: r.f64(),
      result: r.bytes(RESULT_BYTES_MAX),
    }
  }
  if (type === 1) return { type: 'refused', reason: known(REFUSALS[r.u8()]) }
  if (type === 2) return { type: 'forgotten', reason: known(FORGOTTEN[r.u8()]) }
  if (type === 3) return { type: 'reused' }
  throw new FormatError('unknown type of answer')
}

function known<T>(reason: T | undefined): T {
  if (reason === undefined) throw new FormatError('unknown reason')
  return reason
}
