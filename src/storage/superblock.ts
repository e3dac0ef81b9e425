/**
 * The superblock: what must be known about the database without asking the database. Its bytes and
 * the choice among its copies; superblock-file.ts does the writing.
 *
 *   file     4 copies, at 0, 64, 128 and 192 KiB
 *   copy     8 B magic · u16 format · u32 length · payload · 16 B SHA-256/128 of all before
 *   payload  f64 sequence · 16 B digest of the copy before this sequence · f64 bootCounter · u8 clean
 *            · u32-prefixed cluster record (JSON) · u16 count · count × shard
 *   shard    3 × f64 vsr floor · f64 witness op · 16 B witness checksum · f64 manifest sequence
 *
 * The frame (magic, format, length, digest) is the same in all formats to come.
 */
import { FormatError, fromHex, Reader, utf8, Writer } from '../base/bytes.ts'
import { digest } from '../base/hash.ts'
import { isObject } from '../base/json.ts'
import type { VsrRecord } from '../vr/effect.ts'
import type { Checksum } from '../vr/terms.ts'
import { checksumOf } from '../vr/terms.ts'
import { readVsr } from './manifest.ts'
import type { ClusterRecord } from './port.ts'
import { Damage, UnknownFormat } from './refusal.ts'

export const COPIES = 4
export const COPY_BYTES = 64 * 1024
/** What fits a copy, beside the cluster record. */
export const SHARDS_MAX = 1_000
export const SUPERBLOCK_BYTES = COPIES * COPY_BYTES
/** 2: entries and checkpoints carry Lamport times. */
const FORMAT = 2
const MAGIC = utf8('VIEWSTMP')
const FRAME = 8 + 2 + 4
const DIGEST_BYTES = 16

/** What the database must at least hold for a shard. */
export interface ShardFloor {
  readonly vsr: VsrRecord
  /** A head that the log had: a head below it is lost history. */
  readonly witness: { readonly opNumber: number; readonly checksum: Checksum }
  readonly manifestSequence: number
}

export interface Superblock {
  readonly sequence: number
  readonly parent: string
  readonly bootCounter: number
  /** The store was closed in order: then the witness is exactly the head. */
  readonly clean: boolean
  readonly cluster: ClusterRecord
  readonly floors: readonly ShardFloor[]
}

export function encodeCopy(superblock: Superblock): Uint8Array {
  const payload = new Writer(1024)
    .f64(superblock.sequence)
    .hex16(superblock.parent)
    .f64(superblock.bootCounter)
    .u8(superblock.clean ? 1 : 0)
    .text(JSON.stringify(superblock.cluster))
    .u16(superblock.floors.length)
  for (const { vsr, witness, manifestSequence } of superblock.floors) {
    payload.f64(vsr.epochNumber).f64(vsr.viewNumber).f64(vsr.lastNormalView)
    payload.f64(witness.opNumber).hex16(witness.checksum).f64(manifestSequence)
  }
  const framed = new Writer(FRAME + payload.length + DIGEST_BYTES)
    .raw(MAGIC)
    .u16(FORMAT)
    .bytes(payload.finish())
  const bytes = framed.finish()
  return new Writer(bytes.length + DIGEST_BYTES)
    .raw(bytes)
    .raw(fromHex(digest(bytes)))
    .finish()
}

/** The digest that ends an encoded copy: names it in `parent`. */
export const digestOf = (copy: Uint8Array): string => digest(copy.subarray(0, -DIGEST_BYTES))

export interface Choice {
  readonly superblock: Superblock
  readonly digest: string
  /** Copies that are not this one: torn, damaged or of the sequence before. */
  readonly lagging: readonly number[]
}

/**
 * The newest of which two copies are equal. One copy that is newer is a write that was cut short, if it
 * follows the chosen one; if it does not, copies are lost and the choice would be a guess.
 */
export function chooseCopy(file: Uint8Array): Choice {
  const copies = Array.from({ length: COPIES }, (_, i) =>
    tryCopy(file.subarray(i * COPY_BYTES, (i + 1) * COPY_BYTES)),
  )
  const whole = copies.filter(copy => copy !== undefined)
  const chosen = whole
    .filter(a => whole.filter(b => b.digest === a.digest).length >= 2)
    .sort((a, b) => b.superblock.sequence - a.superblock.sequence)[0]
  if (chosen === undefined) {
    throw new Damage(
      `no two of its ${COPIES} copies are whole and equal (${whole.length} are whole)`,
    )
  }
  for (const other of whole) {
    if (other.digest === chosen.digest) continue
    const { sequence, parent } = other.superblock
    const isCutShort = sequence === chosen.superblock.sequence + 1 && parent === chosen.digest
    if (sequence >= chosen.superblock.sequence && !isCutShort) {
      throw new Damage('its copies contradict each other')
    }
  }
  const lagging = copies.flatMap((copy, i) => (copy?.digest === chosen.digest ? [] : [i]))
  return { ...chosen, lagging }
}

export interface CopyState {
  /** `lagging`: whole, and not the one that counts. */
  readonly state: 'counts' | 'lagging' | 'damaged' | 'other format'
  readonly sequence?: number
}

/** Each copy by itself, for people who look at the file. */
export function copyStates(file: Uint8Array, chosen: Choice | undefined): readonly CopyState[] {
  return Array.from({ length: COPIES }, (_, i): CopyState => {
    try {
      const copy = tryCopy(file.subarray(i * COPY_BYTES, (i + 1) * COPY_BYTES))
      if (copy === undefined) return { state: 'damaged' }
      const counts = copy.digest === chosen?.digest
      return { state: counts ? 'counts' : 'lagging', sequence: copy.superblock.sequence }
    } catch (error) {
      if (error instanceof UnknownFormat) return { state: 'other format' }
      throw error
    }
  })
}

interface Copy {
  readonly superblock: Superblock
  readonly digest: string
}

/** `undefined` for a copy that is torn or damaged; throws UnknownFormat for a whole one of another format. */
function tryCopy(bytes: Uint8Array): Copy | undefined {
  try {
    return readCopy(bytes)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function readCopy(bytes: Uint8Array): Copy {
  const r = new Reader(bytes)
  const magic = r.raw(MAGIC.length)
  if (MAGIC.some((byte, i) => byte !== magic[i])) throw new FormatError('not a superblock')
  const format = r.u16()
  const payload = r.bytes(COPY_BYTES)
  const id = digest(bytes.subarray(0, FRAME + payload.length))
  if (r.hex16() !== id) throw new FormatError('digest differs')
  if (format !== FORMAT) throw new UnknownFormat(format)
  return { superblock: readPayload(new Reader(payload)), digest: id }
}

function readPayload(r: Reader): Superblock {
  const sequence = r.f64()
  const parent = r.hex16()
  const bootCounter = r.f64()
  const clean = r.u8() === 1
  const cluster = clusterOf(r.text(COPY_BYTES))
  const floors: ShardFloor[] = []
  const count = r.u16()
  for (let i = 0; i < count; i++) {
    floors.push({
      vsr: readVsr(r),
      witness: { opNumber: r.f64(), checksum: checksumOf(r.hex16()) },
      manifestSequence: r.f64(),
    })
  }
  r.end()
  return { sequence, parent, bootCounter, clean, cluster, floors }
}

/** The digest has proven who wrote it; this that it is a cluster record. */
function clusterOf(json: string): ClusterRecord {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new FormatError('the cluster record is not JSON')
  }
  if (!isObject(value) || !Array.isArray(value['members']) || !isCount(value['shards'])) {
    throw new FormatError('the cluster record lacks members or shards')
  }
  for (const name of ['clusterId', 'foundingId', 'peerId', 'name', 'incarnation']) {
    if (typeof value[name] !== 'string') throw new FormatError(`the cluster record lacks ${name}`)
  }
  return value as unknown as ClusterRecord
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) > 0
