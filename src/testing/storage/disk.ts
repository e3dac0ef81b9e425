/**
 * A disk in memory for src/storage to run on, as unkind as a disk may be. After a power cut a file holds, sector
 * by sector, what was written to it at some moment since its last sync; names are there in the order in which
 * they were made, up to any of them. Every operation may be the last one of the process.
 */
import type { Prng } from '../../base/prng.ts'
import type { Table } from './table.ts'

export type Kind = 'write' | 'sync' | 'name' | 'batch'
/** `last`: it takes effect, and the process is gone before it hears so; `lost`: it is gone before. */
export type Fate = 'done' | 'last' | 'lost'
export type Entry = FileNode | Directory

const SECTOR = 512

interface Piece {
  readonly at: number
  readonly bytes: Buffer
}

export class FileNode {
  /** As processes see it. */
  bytes: Buffer = Buffer.alloc(0)
  #synced: Buffer = Buffer.alloc(0)
  #unsynced: Piece[] = []

  write(bytes: Uint8Array, at: number): void {
    const piece = { at, bytes: Buffer.from(bytes) }
    this.bytes = withPiece(this.bytes, piece)
    this.#unsynced.push(piece)
  }

  sync(): void {
    for (const piece of this.#unsynced) this.#synced = withPiece(this.#synced, piece)
    this.#unsynced = []
  }

  /** Each sector as it was after some of the writes to it, in their order. */
  cutPower(prng: Prng): void {
    const kept = new Map<number, number>()
    for (const { at, bytes } of this.#unsynced) {
      for (let done = 0; done < bytes.length; ) {
        const sector = Math.floor((at + done) / SECTOR)
        const end = Math.min(bytes.length, (sector + 1) * SECTOR - at)
        const left = kept.get(sector) ?? prng.int(0, this.#unsynced.length)
        kept.set(sector, left - 1)
        const piece = { at: at + done, bytes: bytes.subarray(done, end) }
        if (left > 0) this.#synced = withPiece(this.#synced, piece)
        done = end
      }
    }
    this.#unsynced = []
    this.bytes = Buffer.from(this.#synced)
  }

  copy(): FileNode {
    const file = new FileNode()
    file.write(this.bytes, 0)
    file.sync()
    return file
  }
}

/** In place where it fits: a superblock is large, and what is written of it small. */
function withPiece(file: Buffer, { at, bytes }: Piece): Buffer {
  const end = at + bytes.length
  const into = end <= file.length ? file : Buffer.concat([file, Buffer.alloc(end - file.length)])
  into.set(bytes, at)
  return into
}

export class Directory {
  /** As processes see it. */
  names = new Map<string, Entry>()
  synced = new Map<string, Entry>()
  /** A LevelDB, where its files would be. */
  table: Table | undefined

  copy(): Directory {
    const directory = new Directory()
    for (const [name, entry] of this.names) directory.names.set(name, entry.copy())
    directory.synced = new Map(directory.names)
    directory.table = this.table?.copy()
    return directory
  }
}

export interface Change {
  readonly directory: Directory
  readonly name: string
  readonly entry: Entry | undefined
}

/** What a process has open: gone with it. */
export interface Process {
  isOver: boolean
}

export class SimDisk {
  #root = new Directory()
  readonly #prng: Prng
  /** Changes of names that no sync has made durable; those of one element come together. */
  #journal: (readonly Change[])[] = []
  #process: Process = { isOver: false }
  #onDeath: () => void = () => {}
  /** Resolves when the process that uses the disk is gone. */
  died: Promise<void>
  /** Asked about every operation that changes something. */
  fate: (kind: Kind) => Fate = () => 'done'

  constructor(prng: Prng) {
    this.#prng = prng
    this.died = this.#nextDeath()
  }

  get root(): Directory {
    return this.#root
  }

  get process(): Process {
    return this.#process
  }

  get prng(): Prng {
    return this.#prng
  }

  #nextDeath(): Promise<void> {
    return new Promise(resolve => {
      this.#onDeath = resolve
    })
  }

  /** True if the operation takes effect; whether anybody hears so, `isOver` of the process says. */
  begin(process: Process, kind: Kind): boolean {
    if (process.isOver) return false
    const fate = this.fate(kind)
    if (fate === 'done') return true
    process.isOver = true
    this.#onDeath()
    return fate === 'last'
  }

  change(...changes: readonly Change[]): void {
    this.#journal.push(changes)
    for (const { directory, name, entry } of changes) set(directory.names, name, entry)
  }

  /** Names in it are durable; so are all that were made before them. */
  syncNames(directory: Directory): void {
    const last = this.#journal.findLastIndex(changes =>
      changes.some(change => change.directory === directory),
    )
    this.#apply(last + 1)
  }

  #apply(count: number): void {
    for (const { directory, name, entry } of this.#journal.splice(0, count).flat()) {
      set(directory.synced, name, entry)
    }
  }

  /** The process is gone; with the power also what was not synced. */
  crash(how: 'process' | 'power'): void {
    this.#process.isOver = true
    this.#process = { isOver: false }
    this.died = this.#nextDeath()
    this.fate = () => 'done'
    if (how === 'power') {
      this.#apply(this.#prng.int(0, this.#journal.length))
      this.#journal = []
    }
    this.#settle(this.#root, how)
  }

  #settle(directory: Directory, how: 'process' | 'power'): void {
    if (how === 'power') directory.names = new Map(directory.synced)
    const { table } = directory
    if (table) table.owner = undefined
    if (how === 'power') table?.cutPower(this.#prng)
    for (const entry of directory.names.values()) {
      if (entry instanceof Directory) this.#settle(entry, how)
      else if (how === 'power') entry.cutPower(this.#prng)
    }
  }

  /** As a tool copies it, which syncs what it writes. */
  image(): Directory {
    return this.#root.copy()
  }

  /** The process is gone; then this is what is there. */
  replace(image: Directory): void {
    this.crash('process')
    this.#journal = []
    this.#root = image.copy()
  }
}

function set(names: Map<string, Entry>, name: string, entry: Entry | undefined): void {
  if (entry === undefined) names.delete(name)
  else names.set(name, entry)
}
