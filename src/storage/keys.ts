/**
 * The tables on disk: every LevelDB key. Numbers in keys are big-endian, so that LevelDB's order is theirs.
 * All keys are written once (LevelDB can bring back an old value of an overwritten key).
 *
 *   key                                                       value (in an envelope)      see
 *   C  shard u16  seq u64                                     checkpoint manifest         manifest.ts
 *   D  shard u16  op u64                                      changes made by entry op    values.ts
 *   L  shard u16  op u64  view u64                            log entry                   values.ts
 *   P  shard u16  seq u64                                     slices of checkpoint `seq`  manifest.ts
 *                                                             are being written (empty)
 *   S  shard u16  generation u32  id  00  op u64  kind u8     version of a state record   values.ts
 *   T  shard u16  id                                          text of a cold record       values.ts
 *   V  shard u16  seq u64                                     vsr record                  manifest.ts
 *
 * The newest `C` and `V` of a shard count, and in the newest manifest's generation the newest version
 * of each id at or below the manifest's op. kind: 2 the record is cold, and its value the reference of the
 * text in `T`; 1 the record has this value; 0 it is gone. `T` has a text as long as any version refers to it.
 */
import { assert } from '../base/assert.ts'
import { decodeId, encodeId } from './record-id.ts'

const [LOG, CHANGES, RECORDS, MANIFESTS, VIEWS, UNDER_WAY, TEXTS] = Buffer.from('LDSCVPT')
const TWO32 = 2 ** 32
const U16_MAX = 0xffff
const U32_MAX = 0xffff_ffff

export const logKey = (shard: number, opNumber: number, viewNumber: number): Buffer => {
  const key = Buffer.allocUnsafe(19)
  head(key, LOG, shard)
  writeU64(key, opNumber, 3)
  writeU64(key, viewNumber, 11)
  return key
}
export const changesKey = (shard: number, opNumber: number): Buffer =>
  numbered(CHANGES, shard, opNumber)
export const manifestKey = (shard: number, sequence: number): Buffer =>
  numbered(MANIFESTS, shard, sequence)
export const vsrKey = (shard: number, sequence: number): Buffer => numbered(VIEWS, shard, sequence)
export const underWayKey = (shard: number, sequence: number): Buffer =>
  numbered(UNDER_WAY, shard, sequence)

export interface RecordVersion {
  readonly generation: number
  readonly id: string
  readonly opNumber: number
  readonly kind: 'value' | 'gone' | 'cold'
}

const KINDS = ['gone', 'value', 'cold'] as const

export function recordKey(shard: number, version: RecordVersion): Buffer {
  const id = encodeId(version.id)
  const key = Buffer.allocUnsafe(7 + id.length + 10)
  head(key, RECORDS, shard)
  key.writeUInt32BE(version.generation, 3)
  key.set(id, 7)
  key[7 + id.length] = 0
  writeU64(key, version.opNumber, 8 + id.length)
  key[16 + id.length] = KINDS.indexOf(version.kind)
  return key
}

export function textKey(shard: number, recordId: string): Buffer {
  const id = encodeId(recordId)
  const key = Buffer.allocUnsafe(3 + id.length)
  head(key, TEXTS, shard)
  key.set(id, 3)
  return key
}
export const isText = (key: Buffer): boolean => key[0] === TEXTS
export const idOfText = (textKey: Buffer): string => decodeId(textKey.subarray(3))

export const decodeLogKey = (key: Buffer): { opNumber: number; viewNumber: number } => ({
  opNumber: readU64(key, 3),
  viewNumber: readU64(key, 11),
})
/** Op or sequence of a key of tables C, D, P and V. */
export const decodeNumber = (key: Buffer): number => readU64(key, 3)

export const generationOf = (recordKey: Buffer): number => recordKey.readUInt32BE(3)
export const versionOf = (recordKey: Buffer): number => readU64(recordKey, recordKey.length - 9)
export const isGone = (recordKey: Buffer): boolean => recordKey[recordKey.length - 1] === 0
export const isCold = (recordKey: Buffer): boolean => recordKey[recordKey.length - 1] === 2
export const idOf = (recordKey: Buffer): string =>
  decodeId(recordKey.subarray(7, recordKey.length - 10))
/** Both are versions of one record in one generation. */
export const isSameRecord = (a: Buffer, b: Buffer): boolean =>
  a.length === b.length && a.compare(b, 0, b.length - 9, 0, a.length - 9) === 0

export interface KeyRange {
  readonly gte: Buffer
  readonly lte: Buffer
}

export const logRange = (shard: number, first: number, last: number): KeyRange => ({
  gte: logKey(shard, first, 0),
  lte: logKey(shard, last, Number.MAX_SAFE_INTEGER),
})
export const changesRange = (shard: number, first: number, last: number): KeyRange => ({
  gte: changesKey(shard, first),
  lte: changesKey(shard, last),
})
/** All record versions of the shard from this generation on. */
export const recordsFrom = (shard: number, generation: number): KeyRange => ({
  gte: recordsEdge(shard, generation),
  lte: tableEnd(RECORDS, shard),
})
export const recordsOf = (shard: number, generation: number): KeyRange => ({
  gte: recordsEdge(shard, generation),
  lte: generation === U32_MAX ? tableEnd(RECORDS, shard) : recordsEdge(shard, generation + 1),
})
/** All versions of one record in one generation, up to an op. */
export const versionsOf = (
  shard: number,
  { generation, id, opNumber }: Omit<RecordVersion, 'kind'>,
): KeyRange => ({
  gte: recordKey(shard, { generation, id, opNumber: 0, kind: 'gone' }),
  lte: recordKey(shard, { generation, id, opNumber, kind: 'cold' }),
})
/** A text's id may begin with any bytes, and ends the key. */
export const textsOf = (shard: number): KeyRange => ({
  gte: tableStart(TEXTS, shard),
  lte: tableEnd(TEXTS, shard),
})
export const manifestsOf = (shard: number): KeyRange => table(MANIFESTS, shard)
export const vsrsOf = (shard: number): KeyRange => table(VIEWS, shard)
export const underWayOf = (shard: number): KeyRange => table(UNDER_WAY, shard)

const table = (tag: number | undefined, shard: number): KeyRange => ({
  gte: numbered(tag, shard, 0),
  lte: tableEnd(tag, shard),
})

function recordsEdge(shard: number, generation: number): Buffer {
  const key = Buffer.allocUnsafe(7)
  head(key, RECORDS, shard)
  key.writeUInt32BE(generation, 3)
  return key
}

function tableStart(tag: number | undefined, shard: number): Buffer {
  const key = Buffer.allocUnsafe(3)
  head(key, tag, shard)
  return key
}

/** Sorts behind every key of the table and shard: no key goes on with five bytes FF. */
function tableEnd(tag: number | undefined, shard: number): Buffer {
  const key = Buffer.alloc(8, 0xff)
  head(key, tag, shard)
  return key
}

function numbered(tag: number | undefined, shard: number, value: number): Buffer {
  const key = Buffer.allocUnsafe(11)
  head(key, tag, shard)
  writeU64(key, value, 3)
  return key
}

function head(key: Buffer, tag: number | undefined, shard: number): void {
  assert(tag !== undefined && shard >= 0 && shard <= U16_MAX, 'a shard fits 16 bits')
  key[0] = tag
  key[1] = shard >> 8
  key[2] = shard & 0xff
}

function writeU64(key: Buffer, value: number, at: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, 'a number in a key is a safe integer')
  key.writeUInt32BE(Math.floor(value / TWO32), at)
  key.writeUInt32BE(value % TWO32, at + 4)
}

const readU64 = (key: Buffer, at: number): number =>
  key.readUInt32BE(at) * TWO32 + key.readUInt32BE(at + 4)
