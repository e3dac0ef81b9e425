/**
 * A log entry: one or more commands (§6.2, batching) under one op-number, encoded once. The same
 * bytes are hashed, sent, stored and sent again.
 *
 *   entry    u8 format · u32 shard · f64 epoch · f64 view · f64 op · 16 B parent · f64 timeMs
 *            · f64 revBefore · f64 lamport · f64 commit · u32 count · count × command
 *   command  u8 kind · u8-prefixed client-id · f64 request-number · f64 acked · u32-prefixed meta
 *            · u32-prefixed operation
 *
 * `checksum` is over all of it; `parent` is the checksum of the entry before, so that equal checksums
 * at one op mean equal logs up to it. The parent of op 1 is derived from the cluster's id and shard.
 */
import { assert } from '../base/assert.ts'
import { equalBytes, FormatError, Reader, text, utf8, Writer } from '../base/bytes.ts'
import { digest } from '../base/hash.ts'
import type {
  Checksum,
  ClientId,
  EpochNumber,
  OpNumber,
  RequestNumber,
  Rev,
  ViewNumber,
} from './terms.ts'
import {
  checksumOf,
  clientId,
  epochNumber,
  opNumber,
  requestNumber,
  revOf,
  viewNumber,
} from './terms.ts'

/**
 * operation: for the service, takes a rev · register: opens a session · keep-alive, close: of the
 * session · pulse: nothing but its log time, so that what expires does so without traffic.
 */
export type CommandKind = 'operation' | 'register' | 'keep-alive' | 'close' | 'pulse'
const KINDS: readonly CommandKind[] = ['operation', 'register', 'keep-alive', 'close', 'pulse']

/** ⟨REQUEST op, c, s⟩ as it stands in the log. §4.1 */
export interface Command {
  readonly kind: CommandKind
  readonly clientId: ClientId
  readonly requestNumber: RequestNumber
  /** The client has the replies of all requests up to this number; they may be forgotten. */
  readonly ackedNumber: RequestNumber
  /** Correlation and the like, as JSON text; empty when there is none. Not seen by machines' state. */
  readonly meta: string
  readonly operation: Uint8Array
}

export interface Entry {
  readonly shard: number
  readonly epochNumber: EpochNumber
  /** The view whose primary made the entry. */
  readonly viewNumber: ViewNumber
  readonly opNumber: OpNumber
  readonly parent: Checksum
  /** Log time: what the clocks of a quorum have reached, never going back. §4.4, log-time.ts */
  readonly timeMs: number
  /** Operations in the log before this entry; the first of this entry has rev revBefore + 1. */
  readonly revBefore: Rev
  /** Of what its log time alone does; its command i, from 1, has lamport + i. lamport.ts */
  readonly lamport: number
  /** The maker's commit-number: everything up to it was committed when the entry was made. */
  readonly commitNumber: OpNumber
  readonly commands: readonly Command[]
  readonly checksum: Checksum
  readonly bytes: Uint8Array
}

const FORMAT = 2
/** Limits that decoders enforce; the node admits less. */
export const COMMANDS_MAX = 65_536
export const ENTRY_BYTES_MAX = 12 * 1024 * 1024
/** Its length is one byte. */
export const CLIENT_ID_BYTES_MAX = 255

export type EntryFields = Omit<Entry, 'checksum' | 'bytes'>

export function makeEntry(fields: EntryFields): Entry {
  const w = new Writer(256 + fields.commands.length * 256)
  w.u8(FORMAT).u32(fields.shard).f64(fields.epochNumber).f64(fields.viewNumber)
  w.f64(fields.opNumber).hex16(fields.parent).f64(fields.timeMs).f64(fields.revBefore)
  w.f64(fields.lamport).f64(fields.commitNumber).u32(fields.commands.length)
  for (const command of fields.commands) writeCommand(w, command)
  const bytes = w.finish()
  const { shard, epochNumber, viewNumber, opNumber, parent } = fields
  const { timeMs, revBefore, lamport, commitNumber, commands } = fields
  const checksum = checksumOf(digest(bytes))
  return {
    shard,
    epochNumber,
    viewNumber,
    opNumber,
    parent,
    timeMs,
    revBefore,
    lamport,
    commitNumber,
    commands,
    checksum,
    bytes,
  }
}

/**
 * The client-id met last: the commands of one node follow each other, hundreds in an entry. One for each
 * way: what is decoded must not depend on what was encoded.
 */
const encoded = { id: clientId(''), bytes: new Uint8Array(0) }
const decoded = { id: clientId(''), bytes: new Uint8Array(0) }

function bytesOfId(id: ClientId): Uint8Array {
  if (id !== encoded.id) {
    const bytes = utf8(id)
    assert(bytes.length <= CLIENT_ID_BYTES_MAX, 'the length of a client-id is one byte')
    encoded.id = id
    encoded.bytes = bytes.slice()
  }
  return encoded.bytes
}

function idOfBytes(bytes: Uint8Array): ClientId {
  if (!equalBytes(bytes, decoded.bytes)) {
    decoded.id = clientId(textOf(bytes))
    // A copy: these are a view of the whole message.
    decoded.bytes = bytes.slice()
  }
  return decoded.id
}

export function writeCommand(w: Writer, command: Command): void {
  const id = bytesOfId(command.clientId)
  w.u8(KINDS.indexOf(command.kind)).u8(id.length).raw(id)
  w.f64(command.requestNumber).f64(command.ackedNumber).text(command.meta)
  w.bytes(command.operation)
}

export function readCommand(r: Reader): Command {
  const kind = KINDS[r.u8()]
  if (kind === undefined) throw new FormatError('unknown kind of command')
  return {
    kind,
    clientId: idOfBytes(r.raw(r.u8())),
    requestNumber: requestNumber(r.f64()),
    ackedNumber: requestNumber(r.f64()),
    meta: r.text(),
    operation: r.bytes(),
  }
}

/** Throws FormatError. `bytes` is kept, not copied. */
export function readEntry(bytes: Uint8Array): Entry {
  if (bytes.length > ENTRY_BYTES_MAX) throw new FormatError('entry is too long')
  const r = new Reader(bytes)
  const format = r.u8()
  if (format !== FORMAT) throw new FormatError(`entry format ${format} is not known here`)
  // One literal, read in the order of its members: all entries have one shape, made in one go.
  const entry: Entry = {
    shard: r.u32(),
    epochNumber: epochNumber(r.f64()),
    viewNumber: viewNumber(r.f64()),
    opNumber: opNumber(r.f64()),
    parent: checksumOf(r.hex16()),
    timeMs: r.f64(),
    revBefore: revOf(r.f64()),
    lamport: r.f64(),
    commitNumber: opNumber(r.f64()),
    commands: readCommandsOf(r),
    checksum: checksumOf(digest(bytes)),
    bytes,
  }
  r.end()
  return entry
}

function readCommandsOf(r: Reader): Command[] {
  const count = r.u32()
  if (count > COMMANDS_MAX) throw new FormatError(`${count} commands in an entry`)
  const commands: Command[] = []
  for (let i = 0; i < count; i++) commands.push(readCommand(r))
  return commands
}

/** The parent of op 1: an entry of another cluster or shard never chains here. */
export function genesisChecksum(clusterId: string, shard: number): Checksum {
  return checksumOf(digest(utf8(`viewstamp genesis ${shard} ${clusterId}`)))
}

/** Rev reached after the entry. */
export function revAfter(entry: Entry): Rev {
  let rev: number = entry.revBefore
  for (const command of entry.commands) if (command.kind === 'operation') rev++
  return revOf(rev)
}

/** Lamport time of its last command. */
export const lamportAfter = (entry: Entry): number => entry.lamport + entry.commands.length

function textOf(bytes: Uint8Array): string {
  try {
    return text(bytes)
  } catch {
    throw new FormatError('client-id is not UTF-8')
  }
}
