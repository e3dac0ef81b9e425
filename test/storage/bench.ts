/** A store to try, on LevelDB or in memory, that can be closed and opened again. */
import { onTestFinished } from 'vitest'
import { MemoryDisk } from '../../src/storage/memory.ts'
import { createStore, openStore } from '../../src/storage/open.ts'
import type { Store } from '../../src/storage/port.ts'
import { CLUSTER, directory } from './build.ts'

export interface Bench {
  store: Store
  /** Closes and opens again. */
  reopen(): Promise<Store>
}

export async function levelBench(): Promise<Bench & { readonly dir: string }> {
  const dir = await directory()
  await createStore(dir, CLUSTER)
  const bench = {
    dir,
    store: await openStore(dir),
    async reopen() {
      await bench.store.close()
      bench.store = await openStore(dir)
      return bench.store
    },
  }
  onTestFinished(() => bench.store.close())
  return bench
}

export async function memoryBench(): Promise<Bench> {
  const disk = new MemoryDisk(CLUSTER)
  const bench: Bench = {
    store: await disk.open(),
    async reopen() {
      await bench.store.close()
      bench.store = await disk.open()
      return bench.store
    },
  }
  return bench
}
