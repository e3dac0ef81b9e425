/** What was deleted leaves the disk without more being written to where it lay. */
import { randomBytes } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Level } from 'level'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openStore } from '../../src/storage/open.ts'
import type { Store } from '../../src/storage/port.ts'
import { coldReference } from '../../src/vr/cold.ts'
import type { ServiceRecord } from '../../src/vr/service.ts'
import { at, chain, checkpointAt, founded, records, vsr } from './build.ts'
import { runProcess } from './child.ts'

const MIB = 2 ** 20
const TEXTS = 560

function mibOnDisk(dir: string): number {
  const sizes = readdirSync(join(dir, 'db')).map(
    // LevelDB deletes files meanwhile.
    name => statSync(join(dir, 'db', name), { throwIfNoEntry: false })?.size ?? 0,
  )
  return sizes.reduce((sum, size) => sum + size, 0) / MIB
}

const texts = Array.from({ length: TEXTS }, () => randomBytes(48 * 1024).toString('base64'))
const idOf = (n: number): string => `sfeed/f/${String(n).padStart(4, '0')}`
const references = texts.map(coldReference)
const made = (n: number): ServiceRecord => {
  return { id: idOf(n), value: at(references, n), cold: { text: at(texts, n) } }
}
const gone = (n: number): ServiceRecord => ({ id: idOf(n), value: undefined, cold: {} })
const all = Array.from({ length: TEXTS }, (_, n) => n)
const log = chain(2)

async function checkpoint(store: Store, opNumber: number, changed: readonly ServiceRecord[]) {
  for (let i = 0; i < changed.length; i += 50) {
    const some = changed.slice(i, i + 50)
    await store.commit([{ shard: 0, records: { opNumber, records: some } }])
  }
  await store.commit([{ shard: 0, checkpoint: checkpointAt(at(log, opNumber - 1)) }])
}

/** 35 MiB of texts, of which only these are kept. */
async function removed(store: Store, isKept: (n: number) => boolean): Promise<void> {
  await store.commit([{ shard: 0, append: log }])
  await checkpoint(store, 1, all.map(made))
  await checkpoint(store, 2, all.filter(n => !isKept(n)).map(gone))
}

/** Commits of the other shard, until it is so: deletions ride in them, and begin what is looked at. */
async function commitUntil(store: Store, isSo: () => boolean): Promise<void> {
  let isOver = false
  onTestFinished(() => {
    isOver = true
  })
  while (!isSo() && !isOver) await store.commit([{ shard: 1, vsr: vsr(0) }])
}

test('texts that were removed leave the disk; those among them that were not are there', async () => {
  const { dir, store } = await founded()
  const isKept = (n: number): boolean => n % 40 === 0
  await removed(store, isKept)
  const before = mibOnDisk(dir)
  expect(before).toBeGreaterThan(33)
  await commitUntil(store, () => mibOnDisk(dir) < before / 10)
  const kept = all.filter(isKept)
  expect((await records(store)).map(({ id }) => id)).toEqual(kept.map(idOf))
  await store.close()
  const again = await openStore(dir)
  onTestFinished(() => again.close())
  for (const n of kept) {
    expect(await again.readCold(0, idOf(n), at(references, n))).toBe(at(texts, n))
  }
})

test('a store that is closed waits for what is being merged, and begins no more', async () => {
  const { dir, store } = await founded()
  const begun: (() => void)[] = []
  const prototype = Level.prototype as unknown as { compactRange(): Promise<void> }
  const merging = vi.spyOn(prototype, 'compactRange').mockImplementation(() => {
    return new Promise(resolve => begun.push(resolve))
  })
  onTestFinished(() => merging.mockRestore())
  await removed(store, () => false)
  await commitUntil(store, () => begun.length > 0)
  // Commits go on meanwhile.
  await store.commit([{ shard: 1, vsr: vsr(0) }])
  let isClosed = false
  const closing = store.close().then(() => {
    isClosed = true
  })
  for (let i = 0; i < 20; i++) await setImmediate()
  expect(isClosed).toBe(false)
  for (const end of begun) end()
  await closing
  expect(begun).toHaveLength(1)
  merging.mockRestore()
  const again = await openStore(dir)
  onTestFinished(() => again.close())
  expect(await records(again)).toEqual([])
})

test('kill -9 in the middle of merging: what was deleted stays deleted, all else is there', async () => {
  const { dir, store } = await founded()
  const isKept = (n: number): boolean => n % 40 === 0
  await removed(store, isKept)
  await store.close()
  const child = await runProcess(`
    import { Level } from 'level'
    import { openStore } from '../../src/storage/open.ts'
    import { vsr } from './build.ts'
    const merge = Level.prototype.compactRange
    Level.prototype.compactRange = function (...range) {
      process.stdout.write('merging')
      return merge.apply(this, range)
    }
    const store = await openStore(${JSON.stringify(dir)})
    for (;;) await store.commit([{ shard: 1, vsr: vsr(0) }])`)
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', () => resolve())
    child.stdout.on('data', () => child.kill('SIGKILL'))
  })
  expect(child.signalCode).toBe('SIGKILL')
  const again = await openStore(dir)
  onTestFinished(() => again.close())
  expect((await records(again)).map(({ id }) => id)).toEqual(all.filter(isKept).map(idOf))
  for (const n of all) {
    expect(await again.readCold(0, idOf(n), at(references, n))).toBe(
      isKept(n) ? at(texts, n) : undefined,
    )
  }
})
