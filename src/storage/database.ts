/** LevelDB as we use it: keys and values are bytes, reads are short slices, nothing is held open. */
import { Level } from 'level'
import type { KeyRange } from './keys.ts'

/** What LevelDB tells of its tables, and does with them: `level` has it on Node, its types do not say so. */
interface Tables {
  approximateSize(start: Buffer, end: Buffer): Promise<number>
  compactRange(start: Buffer, end: Buffer): Promise<void>
}

export type Database = Level<Buffer, Buffer> & Tables

/** What staging a write needs of a LevelDB batch. */
export interface Batch {
  put(key: Buffer, value: Buffer): unknown
  del(key: Buffer): unknown
}

/**
 * Both are memory of this process. What is written lies in the write buffer, of which there may be two, until it is
 * full. Never `undefined`: the binding takes what happens to lie on its stack for a number then.
 */
const CACHE_BYTES = 8 << 20
const WRITE_BUFFER_BYTES = 16 << 20

/**
 * LevelDB maps the tables that it has open into memory, and what was read of them counts as this process's:
 * with its defaults all of the data, once it has been read. As few and as small as it takes them: 64 MiB.
 */
const OPEN_FILES_MIN = 74
const FILE_BYTES_MIN = 1 << 20

/** Creating is for founding alone: elsewhere it would turn a lost CURRENT into an empty database. */
export async function openDatabase(path: string, mode: 'create' | 'existing'): Promise<Database> {
  const db = new Level<Buffer, Buffer>(path, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    createIfMissing: mode === 'create',
    errorIfExists: mode === 'create',
    cacheSize: CACHE_BYTES,
    writeBufferSize: WRITE_BUFFER_BYTES,
    maxOpenFiles: OPEN_FILES_MIN,
    maxFileSize: FILE_BYTES_MIN,
  }) as Database
  await db.open()
  return db
}

export interface SliceLimit {
  readonly count: number
  readonly bytes: number
}

export interface Slice {
  readonly range: KeyRange
  /** The last key of the slice before, if there was one. */
  readonly after?: Buffer | undefined
  readonly limit: SliceLimit
}

const bounds = ({ range, after }: Slice): { gt?: Buffer; gte?: Buffer; lte: Buffer } =>
  after === undefined ? { ...range } : { gt: after, lte: range.lte }

const BEHIND = Buffer.of(0)
/** Not worth a second call. */
const LIGHT_BYTES = 16 * 1024

/**
 * The next keys and values, at least one if there are any. The snapshot it reads is taken before this
 * returns its promise; the iterator is closed when that resolves.
 */
export async function readSlice(db: Database, slice: Slice): Promise<[Buffer, Buffer][]> {
  const iterator = db.iterator<Buffer, Buffer>({
    ...bounds(slice),
    highWaterMarkBytes: slice.limit.bytes,
    fillCache: false,
  })
  try {
    const rows = await iterator.nextv(slice.limit.count)
    // The binding keeps its copy of what it read last until the iterator is collected, and the collector
    // knows nothing of its size. To read nothing, behind the end, lets go of it.
    if (rows.reduce((bytes, [, value]) => bytes + value.length, 0) > LIGHT_BYTES) {
      iterator.seek(Buffer.concat([slice.range.lte, BEHIND]))
      await iterator.nextv(1)
    }
    return rows
  } finally {
    await iterator.close()
  }
}

export async function readKeys(db: Database, slice: Slice): Promise<Buffer[]> {
  const iterator = db.keys<Buffer>({
    ...bounds(slice),
    highWaterMarkBytes: slice.limit.bytes,
    fillCache: false,
  })
  try {
    return await iterator.nextv(slice.limit.count)
  } finally {
    await iterator.close()
  }
}

export async function readNewestKey(db: Database, range: KeyRange): Promise<Buffer | undefined> {
  const iterator = db.keys<Buffer>({ ...range, reverse: true, limit: 1, fillCache: false })
  try {
    return await iterator.next()
  } finally {
    await iterator.close()
  }
}

export async function readNewest(
  db: Database,
  range: KeyRange,
): Promise<[Buffer, Buffer] | undefined> {
  const iterator = db.iterator<Buffer, Buffer>({ ...range, reverse: true, limit: 1 })
  try {
    return await iterator.next()
  } finally {
    await iterator.close()
  }
}

/** Bytes that its tables have for these keys, deleted ones included; not what lies in the write buffer. */
export function sizeOf(db: Database, { gte, lte }: KeyRange): Promise<number> {
  return db.approximateSize(gte, Buffer.concat([lte, BEHIND]))
}

/**
 * Merges the tables that have keys of the range, so that what is deleted is gone from the disk. The write buffer
 * becomes a table before. An error of the disk is told by the next write.
 */
export function compactRange(db: Database, { gte, lte }: KeyRange): Promise<void> {
  return db.compactRange(gte, lte)
}
