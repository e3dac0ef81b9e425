/** Stands between the store and LevelDB: what happens around each synced batch, or instead of it. */
import { Level } from 'level'
import { onTestFinished, vi } from 'vitest'

type WriteBatch = (options: { sync: boolean }) => Promise<void>

/** `around` gets the write itself; until the test ends, or the function returned is called. */
export function interceptWrites(around: (write: () => Promise<void>) => Promise<void>): () => void {
  const prototype = Level.prototype as unknown as { batch: () => { write: WriteBatch } }
  const makeBatch = prototype.batch
  const spy = vi.spyOn(prototype, 'batch').mockImplementation(function (this: unknown) {
    const batch = makeBatch.call(this as never)
    const write = batch.write.bind(batch)
    batch.write = options => around(() => write(options))
    return batch
  })
  const restore = (): void => spy.mockRestore()
  onTestFinished(restore)
  return restore
}

/** What reading the database gives, changed: as LevelDB gives it from damaged files. */
export function interceptReads(change: (rows: [Buffer, Buffer][]) => [Buffer, Buffer][]): void {
  const prototype = Level.prototype as unknown as {
    iterator: (options: object) => { nextv: (size: number) => Promise<[Buffer, Buffer][]> }
  }
  const makeIterator = prototype.iterator
  const spy = vi.spyOn(prototype, 'iterator').mockImplementation(function (this: unknown, options) {
    const iterator = makeIterator.call(this as never, options)
    const nextv = iterator.nextv.bind(iterator)
    iterator.nextv = async size => change(await nextv(size))
    return iterator
  })
  onTestFinished(() => spy.mockRestore())
}
