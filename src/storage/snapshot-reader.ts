/**
 * Reads a snapshot, chunk by chunk, everything verified: each chunk by its hash as it is read, the whole
 * by its hash at the end, the state of each shard by the hash that the manifest names.
 */
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { assert } from '../base/assert.ts'
import { FormatError } from '../base/bytes.ts'
import { StorageError } from './port.ts'
import { Damage } from './refusal.ts'
import type { RecordChunk, SnapshotManifest, SnapshotTotals } from './snapshot-format.ts'
import {
  CHUNK_BYTES_MAX,
  CHUNK_HASH_BYTES,
  CHUNK_HEAD_BYTES,
  chunkHash,
  decodeManifest,
  decodeRecords,
  decodeTotals,
  FILE_HASH_BYTES,
  PREFIX_BYTES,
  SNAPSHOT_FORMAT,
  SNAPSHOT_FORMAT_COLD,
  SNAPSHOT_MAGIC,
} from './snapshot-format.ts'
import { StateDigest } from './state-digest.ts'

export interface SnapshotReport {
  readonly manifest: SnapshotManifest
  readonly totals: SnapshotTotals
  readonly bytes: number
  readonly hash: string
}

export type SnapshotPart =
  | { readonly type: 'manifest'; readonly manifest: SnapshotManifest }
  | ({ readonly type: 'records' } & RecordChunk)
  | { readonly type: 'end'; readonly report: SnapshotReport }

/** In order: the manifest, the records, the end. Throws StorageError that names the chunk. */
export async function* readSnapshot(path: string): AsyncGenerator<SnapshotPart> {
  const file = await opened(path)
  try {
    yield* new SnapshotFile(path, file).parts()
  } catch (error) {
    throw refusalOf(path, error)
  } finally {
    await file.close()
  }
}

/** Reads all of it and computes the state of every shard again. Throws StorageError. */
export async function verifySnapshot(path: string): Promise<SnapshotReport> {
  const digests: StateDigest[] = []
  let report: SnapshotReport | undefined
  for await (const part of readSnapshot(path)) {
    if (part.type === 'manifest') {
      digests.push(...part.manifest.shards.map(() => new StateDigest()))
    } else if (part.type === 'records') {
      for (const record of part.records) digests[part.shard]?.addService(record)
    } else report = part.report
  }
  assert(report !== undefined, 'a snapshot that is read has an end')
  for (const { shard, name, stateHash } of report.manifest.shards) {
    const found = digests[shard]?.serviceHash()
    if (found === stateHash) continue
    throw damaged(path, `the state of shard ${name} hashes to ${found}, not to ${stateHash}`)
  }
  return report
}

/** What it says of itself, without reading the records. */
export async function readManifest(path: string): Promise<SnapshotManifest> {
  for await (const part of readSnapshot(path)) {
    if (part.type === 'manifest') return part.manifest
  }
  throw damaged(path, 'it has no manifest')
}

/** The hash that the last bytes claim; for naming a file, not for trusting it. */
export async function claimedHash(path: string): Promise<string> {
  const file = await opened(path)
  try {
    const { size } = await file.stat()
    const bytes = Buffer.alloc(FILE_HASH_BYTES)
    await file.read(bytes, 0, FILE_HASH_BYTES, Math.max(0, size - FILE_HASH_BYTES))
    return bytes.toString('hex')
  } finally {
    await file.close()
  }
}

class SnapshotFile {
  readonly #path: string
  readonly #file: FileHandle
  readonly #sum = createHash('sha256')
  #at = 0

  constructor(path: string, file: FileHandle) {
    this.#path = path
    this.#file = file
  }

  async *parts(): AsyncGenerator<SnapshotPart> {
    await this.#prefix()
    const manifest = decoded('the manifest', decodeManifest, await this.#chunk('M', 0))
    yield { type: 'manifest', manifest }
    const records = manifest.shards.map(() => 0)
    for (let i = 1; ; i++) {
      const { kind, payload } = await this.#next(i)
      if (kind === 'E') {
        const totals = decoded(nameOf(i), decodeTotals, payload)
        const chunks = i - 1
        if (JSON.stringify(totals) !== JSON.stringify({ chunks, records })) {
          throw new Damage('chunks are missing: it does not hold what its last chunk says')
        }
        yield { type: 'end', report: { manifest, totals, ...(await this.#end()) } }
        return
      }
      if (kind !== 'R' && kind !== 'C') throw new Damage(`${nameOf(i)} is of an unknown kind`)
      const chunk = decoded(nameOf(i), bytes => decodeRecords(kind, bytes), payload)
      if (records[chunk.shard] === undefined) {
        throw new Damage(`${nameOf(i)} is of a shard that the manifest does not name`)
      }
      records[chunk.shard] = (records[chunk.shard] ?? 0) + chunk.records.length
      yield { type: 'records', ...chunk }
    }
  }

  async #prefix(): Promise<void> {
    const bytes = await this.#take(PREFIX_BYTES, 'its beginning')
    const isOurs = SNAPSHOT_MAGIC.every((byte, i) => byte === bytes[i])
    if (!isOurs) {
      throw new StorageError(
        'damaged',
        `${this.#path} is not a snapshot of viewstamp: it does not begin as one. Name a file that "viewstamp snapshot save" wrote.`,
      )
    }
    const format = bytes.readUInt16LE(SNAPSHOT_MAGIC.length)
    if (format === SNAPSHOT_FORMAT || format === SNAPSHOT_FORMAT_COLD) return
    throw new StorageError(
      'version',
      `${this.#path} is a snapshot of format ${format}, and this release of viewstamp knows formats ${SNAPSHOT_FORMAT} and ${SNAPSHOT_FORMAT_COLD}. Use the release that wrote it, or a later one.`,
    )
  }

  async #chunk(wanted: string, i: number): Promise<Buffer> {
    const { kind, payload } = await this.#next(i)
    if (kind !== wanted) throw new Damage(`${nameOf(i)} is of an unknown kind`)
    return payload
  }

  async #next(i: number): Promise<{ readonly kind: string; readonly payload: Buffer }> {
    const start = this.#at
    const where = `${nameOf(i)} (at byte ${start})`
    const head = await this.#take(CHUNK_HEAD_BYTES, where)
    const length = head.readUInt32LE(1)
    if (length > CHUNK_BYTES_MAX) throw new Damage(`${where} has an impossible length`)
    const payload = await this.#take(length, where)
    const hash = await this.#take(CHUNK_HASH_BYTES, where)
    if (!chunkHash(Buffer.concat([head, payload])).equals(hash)) {
      throw new Damage(`${where} does not match its hash`)
    }
    return { kind: String.fromCharCode(head[0] ?? 0), payload }
  }

  async #end(): Promise<{ readonly bytes: number; readonly hash: string }> {
    const computed = this.#sum.copy().digest()
    const stored = await this.#take(FILE_HASH_BYTES, 'the hash at its end')
    if (!computed.equals(stored)) throw new Damage('the whole does not match the hash at its end')
    const { size } = await this.#file.stat()
    if (size !== this.#at) throw new Damage(`${size - this.#at} bytes stand behind its end`)
    return { bytes: size, hash: stored.toString('hex') }
  }

  async #take(count: number, what: string): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(count)
    for (let done = 0; done < count; ) {
      const { bytesRead } = await this.#file.read(bytes, done, count - done, this.#at + done)
      if (bytesRead === 0) throw new Damage(`it is cut short in ${what}`)
      done += bytesRead
    }
    this.#at += count
    this.#sum.update(bytes)
    return bytes
  }
}

const nameOf = (i: number): string => (i === 0 ? 'chunk 0, the manifest,' : `chunk ${i}`)

function decoded<T>(what: string, decode: (payload: Uint8Array) => T, payload: Buffer): T {
  try {
    return decode(payload)
  } catch (error) {
    if (error instanceof FormatError) throw new Damage(`${what} cannot be read: ${error.message}`)
    throw error
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, 'r')
    if ((await file.stat()).isFile()) return file
    await file.close()
  } catch (error) {
    throw new StorageError('missing', `${path} cannot be opened (${codeOf(error)}).`, {
      cause: error,
    })
  }
  throw new StorageError('missing', `${path} is not a file.`)
}

function refusalOf(path: string, error: unknown): unknown {
  return error instanceof Damage ? damaged(path, error.message, error) : error
}

function damaged(path: string, what: string, cause?: unknown): StorageError {
  const next = 'Use another copy of the snapshot; this one must not be restored.'
  return new StorageError('damaged', `${path} is damaged: ${what}. ${next}`, { cause })
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error)
