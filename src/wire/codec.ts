/**
 * Message ⇄ bytes, for every message of the protocol. Total: every message has bytes, and any bytes
 * give a message or a FormatError, nothing else. Bounded: a count or a length is checked against the
 * limit and against what is left before anything is allocated for it.
 *
 *   frame    u8 version · u8 type · u32 shard · body
 *   entry    u32 length · the entry's own bytes, as they were hashed (src/vr/entry.ts)
 */
import { assert, unreachable } from '../base/assert.ts'
import { FormatError, Reader, Writer } from '../base/bytes.ts'
import type { Message, MessageType } from '../vr/message.ts'
import { checksumOf, opNumber, viewNumber } from '../vr/terms.ts'
import {
  readAnswer,
  readCheckpointId,
  readClient,
  readCommands,
  readEntries,
  readFlag,
  readIds,
  readOneEntry,
  readOptionalStateReport,
  readOptionalText,
  readRecords,
  readStateReport,
  readTexts,
  writeAnswer,
  writeCheckpointId,
  writeClient,
  writeCommands,
  writeEntries,
  writeFlag,
  writeIds,
  writeOptionalStateReport,
  writeOptionalText,
  writeRecords,
  writeStateReport,
  writeTexts,
} from './parts.ts'

/** Raised whenever bytes of one version would be misread by another. */
export const WIRE_VERSION = 3
/** The longest frame that is made or read: a DOVIEWCHANGE with a whole pipeline of full entries. */
export const MESSAGE_BYTES_MAX = 128 * 1024 * 1024

/** Position is the type's number on the wire: append only. */
const TYPES: readonly MessageType[] = [
  'REQUEST',
  'REPLY',
  'PREPARE',
  'PREPAREOK',
  'COMMIT',
  'COMMITOK',
  'STARTVIEWCHANGE',
  'DOVIEWCHANGE',
  'STARTVIEW',
  'GETSTATE',
  'NEWSTATE',
  'GETCHECKPOINT',
  'NEWCHECKPOINT',
  'READINDEX',
  'READINDEXOK',
  'RECOVERY',
  'RECOVERYRESPONSE',
  'GETTEXTS',
  'NEWTEXTS',
  'GETENTRIES',
  'NEWENTRIES',
]
const PROGRESS = ['more', 'last', 'gone'] as const

export interface Framed {
  readonly shard: number
  readonly message: Message
}

export function encodeMessage(shard: number, message: Message): Uint8Array {
  const w = new Writer(256)
  w.u8(WIRE_VERSION).u8(TYPES.indexOf(message.type)).u32(shard)
  writeBody(w, message)
  assert(w.length <= MESSAGE_BYTES_MAX, 'a message fits a frame')
  return w.finish()
}

/** The shard of a frame, without reading the rest of it; undefined: it is no message. */
export function shardOfFrame(bytes: Uint8Array): number | undefined {
  if (bytes.length < 6 || bytes[0] !== WIRE_VERSION) return undefined
  return new Reader(bytes.subarray(2)).u32()
}

/** Throws FormatError and nothing else. Entries keep views of `bytes`: do not reuse them. */
export function decodeMessage(bytes: Uint8Array): Framed {
  if (bytes.length > MESSAGE_BYTES_MAX) throw new FormatError('message is too long')
  const r = new Reader(bytes)
  const version = r.u8()
  if (version !== WIRE_VERSION) throw new FormatError(`wire version ${version} is not known here`)
  const type = TYPES[r.u8()]
  if (type === undefined) throw new FormatError('unknown type of message')
  const shard = r.u32()
  const message = readBody(r, type)
  r.end()
  return { shard, message }
}

function writeBody(w: Writer, message: Message): void {
  switch (message.type) {
    case 'REQUEST':
      w.f64(message.lamport)
      writeCommands(w, message.commands)
      return
    case 'REPLY':
      w.f64(message.viewNumber)
      writeClient(w, message.clientId, message.requestNumber)
      w.u32(message.fingerprint)
      writeAnswer(w, message.answer)
      return
    case 'PREPARE':
      w.f64(message.viewNumber).f64(message.commitNumber)
      w.bytes(message.entry.bytes)
      return
    case 'PREPAREOK':
      w.f64(message.viewNumber).f64(message.opNumber)
      return
    case 'COMMITOK':
      w.f64(message.viewNumber).f64(message.opNumber).f64(message.probe)
      writeStateReport(w, message.state)
      writeFlag(w, message.isShortOfSpace)
      w.f64(message.wallMs)
      return
    case 'COMMIT':
      w.f64(message.viewNumber).f64(message.commitNumber).f64(message.opNumber).f64(message.probe)
      writeOptionalStateReport(w, message.agreed)
      return
    case 'STARTVIEWCHANGE':
      w.f64(message.viewNumber)
      return
    case 'DOVIEWCHANGE':
      w.f64(message.viewNumber).f64(message.lastNormalView)
      w.f64(message.opNumber).f64(message.commitNumber).f64(message.wallMs).hex16(message.parent)
      writeEntries(w, message.suffix)
      return
    case 'STARTVIEW':
      w.f64(message.viewNumber).f64(message.opNumber).f64(message.commitNumber)
      w.hex16(message.parent)
      writeEntries(w, message.suffix)
      return
    case 'RECOVERY':
    case 'RECOVERYRESPONSE':
      w.f64(message.viewNumber).f64(message.nonce)
      return
    default:
      writeTransfer(w, message)
  }
}

function writeTransfer(w: Writer, message: Extract<Message, { type: Transfer }>): void {
  switch (message.type) {
    case 'GETSTATE':
      w.f64(message.viewNumber).f64(message.opNumber).f64(message.nonce)
      return
    case 'NEWSTATE':
      w.f64(message.viewNumber).f64(message.nonce).f64(message.opNumber).f64(message.commitNumber)
      writeCheckpointId(w, message.checkpoint)
      writeEntries(w, message.entries)
      return
    case 'GETENTRIES':
      w.f64(message.nonce).f64(message.first).f64(message.last)
      return
    case 'NEWENTRIES':
      w.f64(message.nonce)
      writeFlag(w, message.isNormal)
      writeEntries(w, message.entries)
      return
    case 'GETCHECKPOINT':
      w.f64(message.nonce).f64(message.opNumber)
      writeOptionalText(w, message.after)
      return
    case 'NEWCHECKPOINT':
      w.f64(message.nonce).f64(message.opNumber).u8(PROGRESS.indexOf(message.progress))
      writeRecords(w, message.records)
      return
    case 'GETTEXTS':
      w.f64(message.nonce).f64(message.opNumber)
      writeIds(w, message.ids)
      return
    case 'NEWTEXTS':
      w.f64(message.nonce).f64(message.opNumber)
      writeTexts(w, message.texts)
      return
    case 'READINDEX':
      w.f64(message.readNumber)
      return
    case 'READINDEXOK':
      w.f64(message.viewNumber).f64(message.readNumber).f64(message.opNumber)
      return
    default:
      unreachable(message)
  }
}

/** Members are read in the order in which they are written here: object literals keep it. */
function readBody(r: Reader, type: MessageType): Message {
  switch (type) {
    case 'REQUEST':
      return { type, lamport: r.f64(), commands: readCommands(r) }
    case 'REPLY':
      return {
        type,
        viewNumber: viewNumber(r.f64()),
        ...readClient(r),
        fingerprint: r.u32(),
        answer: readAnswer(r),
      }
    case 'PREPARE':
      return {
        type,
        viewNumber: viewNumber(r.f64()),
        commitNumber: opNumber(r.f64()),
        entry: readOneEntry(r),
      }
    case 'RECOVERY':
    case 'RECOVERYRESPONSE':
      return { type, viewNumber: viewNumber(r.f64()), nonce: r.f64() }
    case 'PREPAREOK':
      return { type, viewNumber: viewNumber(r.f64()), opNumber: opNumber(r.f64()) }
    case 'COMMITOK':
      return {
        type,
        viewNumber: viewNumber(r.f64()),
        opNumber: opNumber(r.f64()),
        probe: r.f64(),
        state: readStateReport(r),
        isShortOfSpace: readFlag(r),
        wallMs: r.f64(),
      }
    case 'COMMIT':
      return {
        type,
        viewNumber: viewNumber(r.f64()),
        commitNumber: opNumber(r.f64()),
        opNumber: opNumber(r.f64()),
        probe: r.f64(),
        agreed: readOptionalStateReport(r),
      }
    case 'STARTVIEWCHANGE':
      return { type, viewNumber: viewNumber(r.f64()) }
    case 'DOVIEWCHANGE':
      return {
        type,
        viewNumber: viewNumber(r.f64()),
        lastNormalView: viewNumber(r.f64()),
        opNumber: opNumber(r.f64()),
        commitNumber: opNumber(r.f64()),
        wallMs: r.f64(),
        parent: checksumOf(r.hex16()),
        suffix: readEntries(r),
      }
    case 'STARTVIEW':
      return {
        type,
        viewNumber: viewNumber(r.f64()),
        opNumber: opNumber(r.f64()),
        commitNumber: opNumber(r.f64()),
        parent: checksumOf(r.hex16()),
        suffix: readEntries(r),
      }
    default:
      return readTransfer(r, type)
  }
}

type Transfer =
  | 'GETSTATE'
  | 'NEWSTATE'
  | 'GETENTRIES'
  | 'NEWENTRIES'
  | 'GETCHECKPOINT'
  | 'NEWCHECKPOINT'
  | 'GETTEXTS'
  | 'NEWTEXTS'
  | 'READINDEX'
  | 'READINDEXOK'

function readTransfer(r: Reader, type: Transfer): Message {
  switch (type) {
    case 'GETSTATE':
      return {
        type,
        viewNumber: viewNumber(r.f64()),
        opNumber: opNumber(r.f64()),
        nonce: r.f64(),
      }
    case 'NEWSTATE':
      return {
        type,
        viewNumber: viewNumber(r.f64()),
        nonce: r.f64(),
        opNumber: opNumber(r.f64()),
        commitNumber: opNumber(r.f64()),
        checkpoint: readCheckpointId(r),
        entries: readEntries(r),
      }
    case 'GETENTRIES':
      return { type, nonce: r.f64(), first: opNumber(r.f64()), last: opNumber(r.f64()) }
    case 'NEWENTRIES':
      return { type, nonce: r.f64(), isNormal: readFlag(r), entries: readEntries(r) }
    case 'GETCHECKPOINT':
      return { type, nonce: r.f64(), opNumber: opNumber(r.f64()), after: readOptionalText(r) }
    case 'NEWCHECKPOINT':
      return {
        type,
        nonce: r.f64(),
        opNumber: opNumber(r.f64()),
        progress: readProgress(r),
        records: readRecords(r),
      }
    case 'GETTEXTS':
      return { type, nonce: r.f64(), opNumber: opNumber(r.f64()), ids: readIds(r) }
    case 'NEWTEXTS':
      return { type, nonce: r.f64(), opNumber: opNumber(r.f64()), texts: readTexts(r) }
    case 'READINDEX':
      return { type, readNumber: r.f64() }
    case 'READINDEXOK':
      return {
        type,
        viewNumber: viewNumber(r.f64()),
        readNumber: r.f64(),
        opNumber: opNumber(r.f64()),
      }
    default:
      unreachable(type)
  }
}

function readProgress(r: Reader): (typeof PROGRESS)[number] {
  const progress = PROGRESS[r.u8()]
  if (progress === undefined) throw new FormatError('unknown progress of a checkpoint')
  return progress
}
