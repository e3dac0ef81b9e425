/** Takes the place of the package `level` under src/storage: as much of it as that uses, on a SimDisk. */
import { FileNode, type Process, type SimDisk } from './disk.ts'
import { directoryAt, diskOf, enter, failure, never } from './files.ts'
import { keyOf, type Put, Table, textOf } from './table.ts'

interface Options {
  readonly createIfMissing: boolean
  readonly errorIfExists: boolean
}

interface RangeOptions {
  readonly gte?: Buffer
  readonly gt?: Buffer
  readonly lte: Buffer
  readonly reverse?: boolean
  readonly limit?: number
  readonly highWaterMarkBytes?: number
}

const HIGH_WATER_BYTES = 16 * 1024

export class Level {
  readonly #path: string
  readonly #options: Options
  readonly #disk: SimDisk
  readonly #process: Process
  #table: Table | undefined

  constructor(path: string, options: Options) {
    this.#path = path
    this.#options = options
    this.#disk = diskOf(path)
    this.#process = this.#disk.process
  }

  async open(): Promise<void> {
    if (this.#process.isOver) return never()
    const table = await this.#existing()
    if (table.owner !== undefined) throw failure('LEVEL_LOCKED', 'LOCK: already held by process')
    table.owner = this.#process
    this.#table = table
  }

  /** Its files are there or not as one; that CURRENT is there, as the name of any file, may come undone. */
  async #existing(): Promise<Table> {
    const directory = directoryAt(this.#path)
    const { createIfMissing, errorIfExists } = this.#options
    if (directory.names.has('CURRENT') && directory.table !== undefined) {
      if (errorIfExists) throw failure('LEVEL_DATABASE_NOT_OPEN', 'it exists')
      return directory.table
    }
    if (!createIfMissing) throw failure('LEVEL_DATABASE_NOT_OPEN', 'it does not exist')
    const table = new Table()
    await enter(this.#disk, this.#process, 'name', () => {
      this.#disk.change({ directory, name: 'CURRENT', entry: new FileNode() })
      directory.table = table
    })
    return table
  }

  async close(): Promise<void> {
    if (this.#process.isOver) return never()
    if (this.#table) this.#table.owner = undefined
    this.#table = undefined
  }

  batch(): Batch {
    const table = this.#now
    return new Batch((puts, isSynced) =>
      enter(this.#disk, this.#process, 'batch', () => table.write(puts, isSynced)),
    )
  }

  async get(key: Buffer): Promise<Buffer | undefined> {
    return this.#process.isOver ? never() : this.#now.get(textOf(key))
  }

  iterator(options: RangeOptions): Rows<[Buffer, Buffer]> {
    const table = this.#now
    const rowOf = (key: string): [Buffer, Buffer] => [keyOf(key), table.get(key) as Buffer]
    return new Rows(this.#process, this.#keys(options), options, rowOf)
  }

  keys(options: RangeOptions): Rows<Buffer> {
    return new Rows(this.#process, this.#keys(options), options, keyOf)
  }

  /** Of what can be read: nothing that was deleted takes room here. */
  async approximateSize(start: Buffer, end: Buffer): Promise<number> {
    if (this.#process.isOver) return never()
    const table = this.#now
    const keys = table.range(textOf(start), textOf(end))
    return keys.reduce((sum, key) => sum + (table.get(key)?.length ?? 0), 0)
  }

  /** It changes nothing that anybody could read. */
  async compactRange(): Promise<void> {
    if (this.#process.isOver) return never()
  }

  #keys({ gte, gt, lte, reverse, limit }: RangeOptions): string[] {
    const low = textOf(gte ?? gt ?? Buffer.alloc(0))
    const keys = this.#now.range(low, textOf(lte))
    if (gt !== undefined && keys[0] === low) keys.shift()
    if (reverse) keys.reverse()
    return limit === undefined ? keys : keys.slice(0, limit)
  }

  get #now(): Table {
    if (this.#table === undefined) throw failure('LEVEL_DATABASE_NOT_OPEN', 'it is not open')
    return this.#table
  }
}

class Batch {
  readonly #puts: Put[] = []
  readonly #write: (puts: readonly Put[], isSynced: boolean) => Promise<void>

  constructor(write: (puts: readonly Put[], isSynced: boolean) => Promise<void>) {
    this.#write = write
  }

  put(key: Buffer, value: Buffer): this {
    this.#puts.push({ key: textOf(key), value })
    return this
  }

  del(key: Buffer): this {
    this.#puts.push({ key: textOf(key), value: undefined })
    return this
  }

  write(options: { readonly sync?: boolean } = {}): Promise<void> {
    return this.#write(this.#puts, options.sync === true)
  }
}

/** Read at once, in the turn in which it was asked for: no write comes between. */
class Rows<Row extends Buffer | [Buffer, Buffer]> {
  readonly #process: Process
  readonly #keys: string[]
  readonly #rowOf: (key: string) => Row
  readonly #bytes: number
  #at = 0

  constructor(
    process: Process,
    keys: string[],
    { highWaterMarkBytes = HIGH_WATER_BYTES }: RangeOptions,
    rowOf: (key: string) => Row,
  ) {
    this.#process = process
    this.#keys = keys
    this.#rowOf = rowOf
    this.#bytes = highWaterMarkBytes
  }

  async nextv(count: number): Promise<Row[]> {
    if (this.#process.isOver) return never()
    const rows: Row[] = []
    for (let bytes = 0; rows.length < count && bytes <= this.#bytes; ) {
      const key = this.#keys[this.#at++]
      if (key === undefined) break
      const row = this.#rowOf(key)
      rows.push(row)
      bytes += Array.isArray(row) ? row[0].length + row[1].length : row.length
    }
    return rows
  }

  async next(): Promise<Row | undefined> {
    const [row] = await this.nextv(1)
    return row
  }

  /** Only ever behind the end. */
  seek(): void {
    this.#at = this.#keys.length
  }

  async close(): Promise<void> {
    return this.#process.isOver ? never() : undefined
  }
}
