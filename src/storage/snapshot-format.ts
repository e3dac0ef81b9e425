/**
 * A snapshot file: the whole state of a cluster, every shard at one op, in a form that any later release
 * reads. Its bytes; snapshot-writer.ts and snapshot-reader.ts move them.
 *
 *   file      8 B magic · u16 format (1, 2 if there are cold records) · chunk … · 32 B SHA-256 of everything before
 *   chunk     u8 kind · u32 length · payload · 16 B SHA-256/128 of kind, length and payload
 *     M       manifest, JSON: where the state comes from; the first chunk
 *     R       u16 shard · u32 count · count × (u32-prefixed id · u32-prefixed text, as on disk)
 *     C       as R, of cold records; behind each record's text, its reference, the text that it names
 *     E       JSON: how many chunks and records there are; the last chunk
 *
 * Magic, format and the SHA-256 at the end are the same in all formats to come.
 */
import { createHash } from 'node:crypto'
import { assert, present } from '../base/assert.ts'
import { FormatError, Reader, text, utf8, Writer } from '../base/bytes.ts'
import { isObject } from '../base/json.ts'
import { isColdText } from '../vr/cold.ts'
import type { ServiceRecord } from '../vr/service.ts'
import { decodeId, encodeId } from './record-id.ts'
import { Damage } from './refusal.ts'
import { decodeText, encodeText } from './values.ts'

export const SNAPSHOT_MAGIC = utf8('VIEWSNAP')
export const SNAPSHOT_FORMAT = 1
/** With cold records: a release that does not know them is told so by the format. */
export const SNAPSHOT_FORMAT_COLD = 2
export const PREFIX_BYTES = SNAPSHOT_MAGIC.length + 2
export const CHUNK_HEAD_BYTES = 1 + 4
export const CHUNK_HASH_BYTES = 16
export const FILE_HASH_BYTES = 32
/** A chunk holds about this much, and a record is never cut. */
export const CHUNK_BYTES = 256 * 1024
/** No chunk is larger: what a reader must be able to hold. */
export const CHUNK_BYTES_MAX = 64 * 1024 * 1024

export interface SnapshotShard {
  readonly shard: number
  readonly name: string
  readonly view: number
  readonly op: number
  readonly rev: number
  /** Log time reached. */
  readonly timeMs: number
  /** Lamport time reached; snapshots of the first releases do not tell it. */
  readonly lamport?: number
  /** Of the entry at `op`: tells which history this is a point of. */
  readonly checksum: string
  /** As `kv.hash` gives it: of the machines' records; client sessions are not in a snapshot. */
  readonly stateHash: string
}

export interface SnapshotManifest {
  readonly cluster: string
  readonly founding: string
  readonly epoch: number
  /** Node that made it, and its release. */
  readonly node: string
  readonly version: string
  readonly createdMs: number
  readonly members: readonly { readonly name: string; readonly peerId: string }[]
  readonly machines: readonly { readonly name: string; readonly version: number }[]
  readonly shards: readonly SnapshotShard[]
}

export interface SnapshotTotals {
  /** Chunks of records. */
  readonly chunks: number
  /** Per shard. */
  readonly records: readonly number[]
}

export type ChunkKind = 'M' | 'R' | 'C' | 'E'

export const prefixBytes = (format: number): Uint8Array =>
  new Writer(PREFIX_BYTES).raw(SNAPSHOT_MAGIC).u16(format).finish()

export const chunkHash = (bytes: Uint8Array): Buffer =>
  createHash('sha256').update(bytes).digest().subarray(0, CHUNK_HASH_BYTES)

export function encodeChunk(kind: ChunkKind, payload: Uint8Array): Uint8Array {
  assert(payload.length <= CHUNK_BYTES_MAX, 'a chunk can be read again')
  const framed = new Writer(CHUNK_HEAD_BYTES + payload.length)
    .u8(kind.charCodeAt(0))
    .bytes(payload)
    .finish()
  return Buffer.concat([framed, chunkHash(framed)])
}

export const encodeJson = (value: object): Uint8Array => utf8(JSON.stringify(value))

export function encodeRecords(shard: number, records: readonly ServiceRecord[]): Uint8Array {
  const w = new Writer(CHUNK_BYTES).u16(shard).u32(records.length)
  for (const { id, value = '', cold } of records) {
    w.bytes(encodeId(id))
    writeText(w, value)
    if (cold !== undefined) writeText(w, present(cold.text, 'a cold record has its text with it'))
  }
  return w.finish()
}

function writeText(w: Writer, text: string): void {
  const [encoding, bytes] = encodeText(text)
  w.u32(encoding.length + bytes.length)
    .raw(encoding)
    .raw(bytes)
}

export interface RecordChunk {
  readonly shard: number
  readonly records: readonly ServiceRecord[]
}

/** Throws FormatError and Damage. */
export function decodeRecords(kind: 'R' | 'C', payload: Uint8Array): RecordChunk {
  const r = new Reader(payload)
  const shard = r.u16()
  const count = r.u32()
  const records: ServiceRecord[] = []
  for (let i = 0; i < count; i++) {
    const id = decodeId(Buffer.from(r.bytes()))
    const value = decodeText(Buffer.from(r.bytes()))
    if (kind === 'R') records.push({ id, value })
    else records.push({ id, value, cold: { text: coldText(id, value, Buffer.from(r.bytes())) } })
  }
  r.end()
  return { shard, records }
}

function coldText(id: string, reference: string, bytes: Buffer): string {
  const text = decodeText(bytes)
  if (isColdText(reference, text)) return text
  throw new Damage(`the text of the record ${JSON.stringify(id)} is another`)
}

/** Throws FormatError. */
export function decodeManifest(payload: Uint8Array): SnapshotManifest {
  const value = parse(payload)
  const shards = list(value['shards'], isShard)
  const dense = shards.every(({ shard }, i) => shard === i)
  const known =
    ['cluster', 'founding', 'node', 'version'].every(name => typeof value[name] === 'string') &&
    ['epoch', 'createdMs'].every(name => Number.isSafeInteger(value[name]))
  if (!known || !dense || shards.length === 0) throw new FormatError('its manifest is incomplete')
  list(value['members'], m => typeof m['name'] === 'string' && typeof m['peerId'] === 'string')
  list(value['machines'], m => typeof m['name'] === 'string' && Number.isInteger(m['version']))
  return value as unknown as SnapshotManifest
}

/** Throws FormatError. */
export function decodeTotals(payload: Uint8Array): SnapshotTotals {
  const { chunks, records } = parse(payload)
  if (!Number.isSafeInteger(chunks) || !Array.isArray(records)) {
    throw new FormatError('its last chunk is incomplete')
  }
  return { chunks: Number(chunks), records: records.map(Number) }
}

function isShard(value: Readonly<Record<string, unknown>>): boolean {
  const { name, checksum, stateHash, lamport = 0 } = value
  const { shard, view, op, rev, timeMs } = value
  const numbers = [shard, view, op, rev, timeMs, lamport].every(
    each => Number.isSafeInteger(each) && Number(each) >= 0,
  )
  const hex = /^[0-9a-f]{32}$/
  return numbers && typeof name === 'string' && hex.test(`${checksum}`) && hex.test(`${stateHash}`)
}

function list(
  value: unknown,
  isOne: (each: Readonly<Record<string, unknown>>) => boolean,
): readonly { readonly shard?: unknown }[] {
  const isWhole = Array.isArray(value) && value.every(each => isObject(each) && isOne(each))
  if (!isWhole) throw new FormatError('its manifest is incomplete')
  return value
}

function parse(payload: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text(payload))
    if (isObject(value)) return value
  } catch (error) {
    throw new FormatError(`not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  throw new FormatError('not a JSON object')
}
