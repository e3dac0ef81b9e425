/**
 * A crash at every point where something became durable: the directory is copied there and opened. The
 * store in memory, which did the same, is the oracle.
 */
import { cp, rm } from 'node:fs/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import { MemoryDisk } from '../../src/storage/memory.ts'
import { createStore, openStore } from '../../src/storage/open.ts'
import type { ShardWrite, Store } from '../../src/storage/port.ts'
import { SuperblockFile } from '../../src/storage/superblock-file.ts'
import type { Entry } from '../../src/vr/entry.ts'
import type { ServiceRecord } from '../../src/vr/service.ts'
import { at, CLUSTER, chain, checkpointAt, directory, genesis, records, vsr } from './build.ts'
import { runProcess } from './child.ts'
import { interceptWrites } from './intercept.ts'

/** Everything a store says of its shards. */
async function contents(store: Store): Promise<unknown> {
  const all: unknown[] = []
  for (const { shard } of store.shards) {
    all.push({
      entries: await store.readEntries(shard, at(store.shards, shard).first, 1e6, 1e9),
      changes: await store.readChanges(shard, 1, 1e6),
      records: await records(store, shard),
    })
  }
  return { shards: store.shards, all }
}

/** Makes up commits that a core could ask for. */
class History {
  readonly #prng: Prng
  #log: Entry[] = []
  #checkpoint = 0
  #view = 0

  constructor(seed: string) {
    this.#prng = new Prng(seed)
  }

  next(): ShardWrite[] {
    const kinds = [this.#append, this.#append, this.#viewChange, this.#checkpointing, this.#install]
    return this.#prng.pick(kinds).call(this)
  }

  get #head(): number {
    return this.#log.length
  }

  #grow(count: number): Entry[] {
    const added = chain(count, { view: this.#view, after: this.#log.at(-1) })
    this.#log.push(...added)
    return added
  }

  #append(): ShardWrite[] {
    const append = this.#grow(this.#prng.int(1, 4))
    const changes = append.slice(0, 2).map(({ opNumber }) => ({ opNumber, text: `${opNumber}` }))
    return [
      { shard: 0, append },
      { shard: 0, changes },
      { shard: 1, vsr: vsr(this.#head) },
    ]
  }

  #viewChange(): ShardWrite[] {
    this.#view++
    const truncateFrom = this.#prng.int(
      Math.max(this.#checkpoint, this.#head - 4) + 1,
      this.#head + 1,
    )
    this.#log.length = truncateFrom - 1
    const keptHead = this.#log.at(-1)?.checksum ?? genesis()
    const append = this.#grow(this.#prng.int(0, 2))
    return [{ shard: 0, truncateFrom, keptHead, append, vsr: vsr(this.#view) }]
  }

  #records(): ServiceRecord[] {
    return Array.from({ length: this.#prng.int(0, 6) }, () => ({
      id: `k${this.#prng.int(0, 9)}`,
      value: this.#prng.chance(0.3) ? undefined : `${this.#prng.u32()}`,
    })).filter((r, i, all) => all.findIndex(other => other.id === r.id) === i)
  }

  #checkpointing(): ShardWrite[] {
    if (this.#head <= this.#checkpoint) return this.#append()
    const opNumber = this.#prng.int(this.#checkpoint + 1, this.#head)
    const slice = { shard: 0, records: { opNumber, records: this.#records() } }
    if (this.#prng.chance(0.3)) return [slice]
    this.#checkpoint = opNumber
    const checkpoint = checkpointAt(at(this.#log, opNumber - 1))
    return [{ ...slice, checkpoint, trimBelow: this.#prng.int(1, opNumber + 1) }]
  }

  #install(): ShardWrite[] {
    this.#grow(this.#prng.int(0, 20))
    const opNumber = this.#head
    if (opNumber <= this.#checkpoint) return this.#append()
    this.#checkpoint = opNumber
    const checkpoint = checkpointAt(at(this.#log, opNumber - 1))
    const slices = [this.#records(), this.#records()].map(part => ({
      shard: 0,
      installRecords: { opNumber, records: part },
    }))
    return [...slices, { shard: 0, install: checkpoint, append: this.#grow(this.#prng.int(0, 2)) }]
  }
}

/** Copies the directory behind every batch and every write of the superblock. */
function copyWhenDurable(dir: string, onCopy: (copy: string) => void): void {
  let count = 0
  const copy = async (): Promise<void> => {
    const to = `${dir}-${++count}`
    await cp(dir, to, { recursive: true })
    onTestFinished(() => rm(to, { recursive: true, force: true }))
    onCopy(to)
  }
  interceptWrites(async write => {
    await write()
    await copy()
  })
  const write = SuperblockFile.prototype.write
  const spy = vi.spyOn(SuperblockFile.prototype, 'write').mockImplementation(async function (
    this: SuperblockFile,
    change,
  ) {
    await write.call(this, change)
    await copy()
  })
  onTestFinished(() => spy.mockRestore())
}

describe('a crash at any durable point', () => {
  test.each(['1', '2', '3'])('leaves a commit done or not done (seed %s)', async seed => {
    const dir = await directory()
    await createStore(dir, CLUSTER)
    const disk = new MemoryDisk(CLUSTER)
    const memory = await disk.open()
    const store = await openStore(dir)
    onTestFinished(() => store.close())
    const history = new History(seed)
    const copies: { readonly copy: string; readonly commit: number }[] = []
    const states = [await contents(memory)]
    copyWhenDurable(dir, copy => copies.push({ copy, commit: states.length }))
    for (let i = 0; i < 25; i++) {
      const writes = history.next()
      await store.commit(writes)
      await memory.commit(writes)
      // A second opening of the same disk, to look at it as a restart would.
      states.push(await contents(await peek(disk)))
    }
    vi.restoreAllMocks()
    expect(copies.length).toBeGreaterThan(25)
    for (const { copy, commit } of copies) {
      const after = await openStore(copy)
      const found = await contents(after)
      await after.close()
      expect([states[commit - 1], states[commit]]).toContainEqual(found)
    }
    const { copy, commit } = at(copies, -1)
    const last = await openStore(copy)
    expect(await contents(last)).toEqual(states[commit])
    await last.close()
  })
})

/** What a restart would find, without restarting. */
async function peek(disk: MemoryDisk): Promise<Store> {
  const image = disk.shards.map(shard => shard.image())
  const reader = await new MemoryDisk(CLUSTER).open()
  return Object.assign(reader, {
    shards: image,
    readEntries: async (shard: number, first: number, last: number, bytesMax: number) =>
      at(disk.shards, shard).entries(first, last, bytesMax),
    readChanges: async (shard: number, first: number, last: number) =>
      at(disk.shards, shard).changesIn(first, last),
    readRecords: async function* (shard: number) {
      yield* at(disk.shards, shard).records()
    },
  })
}

test('kill -9 in the middle of commits: nothing acknowledged is gone, nothing is torn', async () => {
  const dir = await directory()
  await createStore(dir, CLUSTER)
  let acknowledged = 0
  for (let round = 0; round < 3; round++) {
    const child = await runProcess(`
      import { openStore } from '../../src/storage/open.ts'
      import { chain, vsr } from './build.ts'
      const store = await openStore(${JSON.stringify(dir)})
      let head = store.shards[0].head
      let last = (await store.readEntries(0, head, head, 1))[0]
      for (let view = store.shards[0].vsr.viewNumber; ; ) {
        const append = chain(3, { after: last, bytes: 5_000 })
        last = append[2]
        if (++head % 7 === 0) view++
        await store.commit([{ shard: 0, append, vsr: vsr(view), changes: [{ opNumber: last.opNumber, text: 'x' }] }])
        process.stdout.write(last.opNumber + ' ')
      }`)
    let output = ''
    const target = 60 + 40 * round
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', () => resolve())
      child.stdout.on('data', chunk => {
        output += chunk
        if (output.split(' ').length > target) child.kill('SIGKILL')
      })
    })
    // The last number may be cut off in the middle.
    acknowledged = Number(output.split(' ').at(-2))
    const store = await openStore(dir)
    const { head } = at(store.shards, 0)
    expect(head).toBeGreaterThanOrEqual(acknowledged)
    expect(head % 3).toBe(0)
    await store.close()
  }
  expect(acknowledged).toBeGreaterThan(300)
})
