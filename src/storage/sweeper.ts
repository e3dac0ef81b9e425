/** Runs the shards' sweeps beside the commits: one slice at a time, reading only; a commit deletes. */
import type { Database } from './database.ts'
import { readKeys } from './database.ts'
import type { Reclaimer } from './reclaimer.ts'
import type { ShardStore } from './shard-store.ts'
import { withTexts } from './texts.ts'

const SLICE = { count: 1_000, bytes: 256 * 1024 }

export class Sweeper {
  readonly #db: Database
  readonly #stores: readonly ShardStore[]
  readonly #reclaimer: Reclaimer
  readonly #onError: (error: unknown) => void
  #slice: Promise<void> | undefined

  constructor(
    db: Database,
    stores: readonly ShardStore[],
    reclaimer: Reclaimer,
    onError: (error: unknown) => void,
  ) {
    this.#db = db
    this.#stores = stores
    this.#reclaimer = reclaimer
    this.#onError = onError
  }

  /** After each commit: reads one slice, if one is wanted and none is being read. */
  poke(): void {
    if (this.#slice !== undefined) return
    for (const store of this.#stores) {
      const { sweep } = store
      const slice = sweep.next()
      if (slice === undefined) continue
      this.#slice = readKeys(this.#db, { ...slice, limit: SLICE })
        .then(versions => this.#look(store, versions))
        .catch(this.#onError)
        .finally(() => {
          this.#slice = undefined
        })
      return
    }
  }

  async #look(store: ShardStore, versions: readonly Buffer[]): Promise<void> {
    const keys = await withTexts(this.#db, store, store.sweep.onKeys(versions))
    await this.#reclaimer.note(store, versions, keys)
    store.sweep.discard(keys)
  }

  async idle(): Promise<void> {
    await this.#slice
  }
}
