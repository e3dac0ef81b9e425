/** When tables are merged, which, and in what pieces: on a database that only knows how much lies where. */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Database } from '../../src/storage/database.ts'
import { logKey, recordKey, textKey } from '../../src/storage/keys.ts'
import { Reclaimer } from '../../src/storage/reclaimer.ts'
import type { ShardStore } from '../../src/storage/shard-store.ts'

const MIB = 2 ** 20

/** Bytes by key. What is merged is noted, and its dead keys are gone. */
class Disk {
  readonly bytes = new Map<Buffer, number>()
  readonly dead = new Set<Buffer>()
  readonly merged: string[] = []

  get database(): Database {
    const within = (start: Buffer, end: Buffer) =>
      [...this.bytes.keys()].filter(key => key.compare(start) >= 0 && key.compare(end) <= 0)
    return {
      approximateSize: async (start: Buffer, end: Buffer) =>
        within(start, end).reduce((sum, key) => sum + (this.bytes.get(key) ?? 0), 0),
      compactRange: async (start: Buffer, end: Buffer) => {
        await setImmediate()
        const gone = within(start, end).filter(key => this.dead.has(key))
        const mib = gone.reduce((sum, key) => sum + (this.bytes.get(key) ?? 0), 0) / MIB
        this.merged.push(`${start.toString('latin1', 0, 1)} ${mib}`)
        for (const key of gone) this.bytes.delete(key)
      },
    } as unknown as Database
  }
}

function fixture() {
  const disk = new Disk()
  const log = { staleCount: 0, lowest: 1 }
  const sweep = { isIdle: true }
  const store = { shard: 0, log, sweep } as unknown as ShardStore
  const errors: unknown[] = []
  const reclaimer = new Reclaimer(disk.database, [store], error => errors.push(error))
  /** Until nothing is being done. */
  const poke = async () => {
    for (let i = 0; i < 50; i++) {
      reclaimer.poke()
      await setImmediate()
    }
    expect(errors).toEqual([])
    return disk.merged.splice(0)
  }
  return { disk, log, sweep, store, reclaimer, poke }
}

const version = (n: number): Buffer =>
  recordKey(0, {
    generation: 1,
    id: `s/${String(n).padStart(4, '0')}`,
    opNumber: 1,
    kind: 'cold',
  })
const texts = range(0, 999).map(n => textKey(0, `s/${String(n).padStart(4, '0')}`))
const text = (n: number): Buffer => texts[n] ?? Buffer.of()
function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

/** Texts of 1 MiB; the sweep looks at the versions of all of these, and finds that those are to be deleted. */
async function swept(
  of: ReturnType<typeof fixture>,
  all: number[],
  isDead: (n: number) => boolean,
) {
  for (const n of all) of.disk.bytes.set(text(n), MIB)
  for (const n of all.filter(isDead)) of.disk.dead.add(text(n))
  const keys = all.filter(isDead).flatMap(n => [text(n), version(n)])
  await of.reclaimer.note(of.store, all.map(version), keys)
}

describe('texts', () => {
  test('are reclaimed when 32 MiB are dead, and the sweep that found them has ended', async () => {
    const of = fixture()
    await swept(of, range(0, 30), () => true)
    expect(await of.poke()).toEqual([])
    of.sweep.isIdle = false
    await swept(of, range(31, 31), () => true)
    expect(await of.poke()).toEqual([])
    of.sweep.isIdle = true
    expect(await of.poke()).toEqual(['T 32'])
    expect(of.disk.bytes.size).toBe(0)
    expect(await of.poke()).toEqual([])
  })

  test('are merged 32 MiB at a time, and what lies between two holes is left alone', async () => {
    const of = fixture()
    for (const first of [0, 20, 40, 60]) await swept(of, range(first, first + 19), () => true)
    await swept(of, range(80, 979), () => false)
    await swept(of, range(980, 999), () => true)
    expect(await of.poke()).toEqual(['T 20', 'T 20', 'T 20', 'T 20', 'T 20'])
    expect(of.disk.bytes.size).toBe(900)
    const small = fixture()
    for (const first of [0, 10, 20, 30]) await swept(small, range(first, first + 9), () => true)
    expect(await small.poke()).toEqual(['T 30', 'T 10'])
  })

  test('are left where they are few among many, until they are a quarter', async () => {
    const of = fixture()
    await swept(of, range(0, 399), n => n % 8 === 0)
    expect(await of.poke()).toEqual([])
    await swept(of, range(0, 399), n => n % 8 === 1)
    const [piece] = await of.poke()
    expect(piece).toBe('T 100')
    expect(of.disk.bytes.size).toBe(300)
  })

  test('are not merged where LevelDB has been itself', async () => {
    const of = fixture()
    await swept(of, range(0, 39), () => true)
    of.disk.bytes.clear()
    expect(await of.poke()).toEqual([])
    await swept(of, range(40, 72), () => true)
    expect(await of.poke()).toEqual(['T 33'])
  })
})

describe('the log', () => {
  const entries = (of: ReturnType<typeof fixture>, ops: readonly number[]): void => {
    for (const op of ops) {
      const key = logKey(0, op, 0)
      of.disk.bytes.set(key, MIB)
      of.disk.dead.add(key)
    }
  }

  test('is reclaimed below its first entry once all that is stale is deleted, in pieces', async () => {
    const of = fixture()
    entries(of, range(1000, 1079))
    of.log.lowest = 1080
    of.log.staleCount = 7
    expect(await of.poke()).toEqual([])
    of.log.staleCount = 0
    const merged = await of.poke()
    expect(merged.every(piece => Number(piece.split(' ')[1]) <= 32)).toBe(true)
    expect(of.disk.bytes.size).toBe(0)
    // Of a little more it takes note, and waits.
    entries(of, range(1080, 1100))
    of.log.lowest = 1101
    expect(await of.poke()).toEqual([])
    entries(of, range(1101, 1111))
    of.log.lowest = 1112
    expect(await of.poke()).toEqual(['L 32'])
  })
})

test('once it is stopped nothing more is merged', async () => {
  const of = fixture()
  for (const first of [0, 20, 40]) await swept(of, range(first, first + 19), () => true)
  while (of.disk.merged.length === 0) {
    of.reclaimer.poke()
    await setImmediate()
  }
  await of.reclaimer.stop()
  const merged = of.disk.merged.length
  expect(merged).toBeLessThan(3)
  expect(await of.poke()).toHaveLength(merged)
  expect(of.disk.bytes.size).toBe(60 - 20 * merged)
})
