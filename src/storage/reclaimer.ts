/**
 * Gives the disk back what was deleted. LevelDB drops a deleted value when later writes have it merge the tables
 * that it lies in, which may be never: here they are merged, once enough of what is in them is dead. In pieces,
 * one at a time, beside the commits. It writes no key: whatever becomes of it, all keys have the values they had.
 */
import type { Database } from './database.ts'
import { compactRange, sizeOf } from './database.ts'
import type { Hole } from './holes.ts'
import { Holes, holeIn, union } from './holes.ts'
import type { KeyRange } from './keys.ts'
import { changesRange, idOf, isCold, isText, logRange, textKey } from './keys.ts'
import type { ShardStore } from './shard-store.ts'

/** So much that is dead is worth the work. */
const DEAD_BYTES_MIN = 32 << 20
/** Of what would be merged, this part is dead at least: it costs no more than so many times what it gives. */
const SHARE_MIN = 1 / 4
/** Merged in one go. LevelDB merges nothing else meanwhile, though it takes writes; and closing waits for it. */
const PIECE_BYTES = 32 << 20
/** What was not worth it is looked at again when it has grown by so much. */
const AGAIN = 1.25

/** A table of which single keys are deleted. */
interface Swept {
  readonly holes: Holes
  /** Looked at when so much is dead. */
  due: number
}

interface Dead {
  readonly records: Swept
  readonly texts: Swept
  /** The log is looked at when it begins behind this op, and is reclaimed below the other. */
  logSeen: number
  logBelow: number
}

export class Reclaimer {
  readonly #db: Database
  readonly #onError: (error: unknown) => void
  readonly #bytesMin: number
  readonly #dead: ReadonlyMap<ShardStore, Dead>
  #work: Promise<void> | undefined
  #isOver = false

  constructor(
    db: Database,
    stores: readonly ShardStore[],
    onError: (error: unknown) => void,
    bytesMin = DEAD_BYTES_MIN,
  ) {
    this.#db = db
    this.#onError = onError
    this.#bytesMin = bytesMin
    const swept = (): Swept => ({ holes: new Holes(), due: bytesMin })
    const none = () => ({ records: swept(), texts: swept(), logSeen: 0, logBelow: 0 })
    this.#dead = new Map(stores.map(store => [store, none()]))
  }

  /** Of these versions of records some will be deleted, with some texts: those keys. */
  async note(store: ShardStore, versions: readonly Buffer[], keys: readonly Buffer[]) {
    const dead = this.#dead.get(store)
    const texts = keys.filter(isText)
    const cold = texts.length === 0 ? [] : versions.filter(isCold)
    const all = cold.map(key => textKey(store.shard, idOf(key)))
    await this.#weigh(
      dead?.records.holes,
      versions,
      keys.filter(key => !isText(key)),
    )
    await this.#weigh(dead?.texts.holes, all, texts)
  }

  async #weigh(holes: Holes | undefined, keys: readonly Buffer[], dead: readonly Buffer[]) {
    const hole = holeIn(keys, dead)
    if (hole === undefined || holes === undefined) return
    holes.add({ ...hole, dead: hole.share * (await sizeOf(this.#db, hole)) })
  }

  /** After each commit: begins, if there is something to do and nothing is being done. */
  poke(): void {
    if (this.#work !== undefined || this.#isOver) return
    for (const [store, dead] of this.#dead) {
      const work = this.#workOn(store, dead)
      if (work === undefined) continue
      this.#work = work.catch(this.#onError).finally(() => {
        this.#work = undefined
      })
      return
    }
  }

  #workOn({ shard, log, sweep }: ShardStore, dead: Dead): Promise<void> | undefined {
    if (log.staleCount === 0 && log.lowest > dead.logSeen) {
      dead.logSeen = log.lowest
      return this.#reclaimLog(shard, dead)
    }
    if (!sweep.isIdle) return undefined
    const due = [dead.texts, dead.records].find(each => each.holes.dead >= each.due)
    return due && this.#reclaimSwept(due)
  }

  /** All of it that lies below where it begins, at the first time what an earlier life left too. */
  async #reclaimLog(shard: number, dead: Dead): Promise<void> {
    const [first, last] = [dead.logBelow, dead.logSeen - 1]
    const tables = [logRange, changesRange].map(
      range => (from: number, to: number) => range(shard, from, to),
    )
    let size = 0
    for (const range of tables) size += await sizeOf(this.#db, range(first, last))
    if (size < this.#bytesMin) return
    for (const range of tables) await this.#compactOps(range, first, last)
    dead.logBelow = dead.logSeen
  }

  async #compactOps(
    range: (from: number, to: number) => KeyRange,
    first: number,
    last: number,
  ): Promise<void> {
    const whole = range(first, last)
    const size = await sizeOf(this.#db, whole)
    if (size === 0 || this.#isOver) return
    if (size <= PIECE_BYTES || first === last) return compactRange(this.#db, whole)
    const middle = Math.floor((first + last) / 2)
    await this.#compactOps(range, first, middle)
    await this.#compactOps(range, middle + 1, last)
  }

  async #reclaimSwept(table: Swept): Promise<void> {
    const { holes } = table
    let size = 0
    for (const hole of holes.list) size += await sizeOf(this.#db, hole)
    table.due = Math.max(this.#bytesMin, holes.dead * AGAIN)
    if (size >= this.#bytesMin && holes.dead < size * SHARE_MIN) return
    const list = holes.list
    holes.clear()
    table.due = this.#bytesMin
    // Else LevelDB has come by here itself.
    if (size >= this.#bytesMin) await this.#compactHoles(list)
  }

  /** Neighbours together: each time the tables that overlap with what is merged are merged, too. */
  async #compactHoles(holes: readonly Hole[]): Promise<void> {
    let piece: Hole | undefined
    for (const hole of holes) {
      const both: Hole = piece === undefined ? hole : union(piece, hole)
      const fits = piece === undefined || (await sizeOf(this.#db, both)) <= PIECE_BYTES
      if (!fits && piece !== undefined) await this.#compact(piece)
      piece = fits ? both : hole
    }
    if (piece !== undefined) await this.#compact(piece)
  }

  async #compact(range: KeyRange): Promise<void> {
    if (!this.#isOver) await compactRange(this.#db, range)
  }

  /** For good: the piece being merged is awaited, no other begins. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#work
  }
}
