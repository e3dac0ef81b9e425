/**
 * Writes a snapshot: under another name, made durable, then renamed, so that a file with the name is
 * whole. Memory is bounded by a chunk; the caller's records are read as they are written.
 */
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { assert } from '../base/assert.ts'
import { coldBytes } from '../vr/cold.ts'
import type { ServiceRecord } from '../vr/service.ts'
import { syncDirectory } from './replace-file.ts'
import type { SnapshotManifest } from './snapshot-format.ts'
import {
  CHUNK_BYTES,
  encodeChunk,
  encodeJson,
  encodeRecords,
  prefixBytes,
  SNAPSHOT_FORMAT,
  SNAPSHOT_FORMAT_COLD,
} from './snapshot-format.ts'

export interface WrittenSnapshot {
  readonly path: string
  readonly bytes: number
  /** SHA-256 of all before it, the last bytes of the file, in hex. */
  readonly hash: string
}

export type TextOf = (shard: number, record: ServiceRecord) => Promise<string>

export interface SnapshotOptions {
  /** The file's name, once its hash is known. */
  readonly pathOf: (hash: string) => string
  /** Gives the text of a cold record, when the chunk is written that holds it. Undefined: there are none. */
  readonly textOf?: TextOf | undefined
  /** Called before each chunk with what is written so far; throws to stop. */
  readonly admit: (bytes: number) => Promise<void>
}

/** `states` in order of the manifest's shards. What was begun is removed when it fails. */
export async function writeSnapshot(
  partial: string,
  manifest: SnapshotManifest,
  states: readonly Iterable<ServiceRecord>[],
  options: SnapshotOptions,
): Promise<WrittenSnapshot> {
  // Left by a process that ended while it wrote.
  await rm(partial, { force: true })
  const file = await open(partial, 'wx', 0o600)
  try {
    const { bytes, hash } = await writeAll(file, manifest, states, options)
    await file.sync()
    await file.close()
    const path = options.pathOf(hash)
    await rename(partial, path)
    await syncDirectory(dirname(path))
    return { path, bytes, hash }
  } catch (error) {
    // Closed twice is no harm; the first error is the one to tell.
    await file.close().catch(() => undefined)
    await rm(partial, { force: true })
    throw error
  }
}

async function writeAll(
  file: FileHandle,
  manifest: SnapshotManifest,
  states: readonly Iterable<ServiceRecord>[],
  { admit, textOf }: SnapshotOptions,
): Promise<{ readonly bytes: number; readonly hash: string }> {
  const sum = createHash('sha256')
  let bytes = 0
  let chunks = 0
  const put = async (part: Uint8Array): Promise<void> => {
    await admit(bytes)
    sum.update(part)
    for (let done = 0; done < part.length; ) {
      const { bytesWritten } = await file.write(part, done, part.length - done)
      done += bytesWritten
    }
    bytes += part.length
  }
  await put(prefixBytes(textOf === undefined ? SNAPSHOT_FORMAT : SNAPSHOT_FORMAT_COLD))
  await put(encodeChunk('M', encodeJson(manifest)))
  const records: number[] = []
  for (const [shard, state] of states.entries()) {
    let count = 0
    for (const slice of slices(state)) {
      const isCold = slice[0]?.cold !== undefined
      const records = isCold ? await withTexts(shard, slice, textOf) : slice
      await put(encodeChunk(isCold ? 'C' : 'R', encodeRecords(shard, records)))
      count += slice.length
      chunks++
    }
    records.push(count)
  }
  await put(encodeChunk('E', encodeJson({ chunks, records })))
  const hash = sum.copy().digest()
  await put(hash)
  return { bytes, hash: hash.toString('hex') }
}

async function withTexts(
  shard: number,
  records: readonly ServiceRecord[],
  textOf: TextOf | undefined,
): Promise<ServiceRecord[]> {
  assert(textOf !== undefined, 'a state with cold records has their texts')
  const whole: ServiceRecord[] = []
  for (const record of records) {
    whole.push({ ...record, cold: { text: await textOf(shard, record) } })
  }
  return whole
}

/** Each is of cold records only, or of others only. */
function* slices(state: Iterable<ServiceRecord>): Generator<readonly ServiceRecord[]> {
  let slice: ServiceRecord[] = []
  let bytes = 0
  for (const record of state) {
    const isOther =
      slice.length > 0 && (slice[0]?.cold === undefined) !== (record.cold === undefined)
    if (isOther || bytes >= CHUNK_BYTES) {
      yield slice
      slice = []
      bytes = 0
    }
    slice.push(record)
    bytes += record.id.length + (record.value?.length ?? 0) + 16
    if (record.cold !== undefined) bytes += coldBytes(record.value ?? '')
  }
  if (slice.length > 0) yield slice
}
