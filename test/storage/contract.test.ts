/** The contract of src/storage/port.ts, over every implementation. */
import { describe, expect, test } from 'vitest'
import { levelBench, memoryBench } from './bench.ts'
import { at, CLUSTER, chain, checkpointAt, genesis, ops, records, vsr } from './build.ts'

const ALL = 1e9

describe.each([
  ['memory', memoryBench],
  ['level', levelBench],
] as const)('Store: %s', (_, open) => {
  test('a new store is empty: view 0, the checkpoint of op 0, no log', async () => {
    const { store } = await open()
    expect(store.cluster).toEqual(CLUSTER)
    expect(store.bootCounter).toBe(1)
    expect(store.shards).toEqual(
      [0, 1].map(shard => ({
        shard,
        vsr: vsr(0),
        checkpoint: {
          opNumber: 0,
          checksum: genesis(shard),
          rev: 0,
          timeMs: 0,
          lamport: 0,
          stateHash: '',
        },
        first: 1,
        head: 0,
      })),
    )
    expect(await store.readEntries(0, 1, 10, ALL)).toEqual([])
    expect(await records(store)).toEqual([])
    expect(await store.freeBytes()).toBeGreaterThan(0)
  })

  test('every opening raises the boot counter', async () => {
    const bench = await open()
    expect((await bench.reopen()).bootCounter).toBe(2)
    expect((await bench.reopen()).bootCounter).toBe(3)
  })

  test('entries, view and changes of several shards come back after a restart', async () => {
    const bench = await open()
    const zero = chain(3)
    const one = chain(2, { shard: 1, view: 4 })
    await bench.store.commit([
      { shard: 0, append: zero, changes: [{ opNumber: 2, text: '[{"key":"x"}]' }] },
      { shard: 1, append: one, vsr: vsr(4, 3) },
    ])
    const store = await bench.reopen()
    expect(store.shards.map(s => [s.first, s.head])).toEqual([
      [1, 3],
      [1, 2],
    ])
    expect(store.shards.map(s => s.vsr)).toEqual([vsr(0), vsr(4, 3)])
    expect(await store.readEntries(0, 1, 3, ALL)).toEqual(zero)
    expect(await store.readEntries(1, 1, 2, ALL)).toEqual(one)
    expect(await store.readChanges(0, 1, 3)).toEqual([{ opNumber: 2, text: '[{"key":"x"}]' }])
    expect(await store.readChanges(1, 1, 3)).toEqual([])
  })

  test('several writes of one shard in one commit are done in order', async () => {
    const bench = await open()
    const old = chain(4)
    const better = chain(2, { view: 1, after: at(old, 1) })
    await bench.store.commit([
      { shard: 0, append: old.slice(0, 2) },
      { shard: 0, append: old.slice(2) },
      { shard: 0, truncateFrom: 3, append: better, vsr: vsr(1) },
    ])
    const expected = [...old.slice(0, 2), ...better]
    expect(await bench.store.readEntries(0, 1, 9, ALL)).toEqual(expected)
    const store = await bench.reopen()
    expect(await store.readEntries(0, 1, 9, ALL)).toEqual(expected)
    expect(store.shards[0]?.head).toBe(4)
  })

  test('a suffix gives way to another, longer, shorter or none', async () => {
    const bench = await open()
    const old = chain(6)
    const shorter = chain(1, { view: 1, after: at(old, 2) })
    await bench.store.commit([{ shard: 0, append: old }])
    await bench.store.commit([{ shard: 0, truncateFrom: 4, append: shorter, vsr: vsr(1) }])
    expect(await bench.store.readEntries(0, 1, 9, ALL)).toEqual([...old.slice(0, 3), ...shorter])
    await bench.store.commit([{ shard: 0, truncateFrom: 3, keptHead: at(old, 1).checksum }])
    let store = await bench.reopen()
    expect(await store.readEntries(0, 1, 9, ALL)).toEqual(old.slice(0, 2))
    const longer = chain(9, { view: 2, after: at(old, 1) })
    await store.commit([{ shard: 0, append: longer, vsr: vsr(2) }])
    store = await bench.reopen()
    expect(ops(await store.readEntries(0, 1, 20, ALL))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })

  test('an entry may be replaced by itself', async () => {
    const bench = await open()
    const log = chain(4)
    await bench.store.commit([{ shard: 0, append: log }])
    await bench.store.commit([{ shard: 0, truncateFrom: 3, append: log.slice(2), vsr: vsr(1) }])
    expect(await (await bench.reopen()).readEntries(0, 1, 9, ALL)).toEqual(log)
  })

  test('truncating behind the head does nothing', async () => {
    const bench = await open()
    const log = chain(3)
    await bench.store.commit([{ shard: 0, append: log.slice(0, 2) }])
    await bench.store.commit([{ shard: 0, truncateFrom: 3, append: log.slice(2) }])
    expect(await bench.store.readEntries(0, 1, 9, ALL)).toEqual(log)
  })

  test('a read gives as much as asked for, at least one entry, and none from a gap on', async () => {
    const { store } = await open()
    const log = chain(20, { bytes: 1_000 })
    await store.commit([{ shard: 0, append: log }])
    expect(ops(await store.readEntries(0, 5, 8, ALL))).toEqual([5, 6, 7, 8])
    expect(ops(await store.readEntries(0, 5, 20, 0))).toEqual([5])
    const some = await store.readEntries(0, 1, 20, 5_000)
    expect(some.length).toBeGreaterThan(1)
    expect(some.length).toBeLessThan(6)
    expect(await store.readEntries(0, 21, 30, ALL)).toEqual([])
    expect(await store.readEntries(0, 8, 5, ALL)).toEqual([])
    expect(await store.readEntries(1, 1, 20, ALL)).toEqual([])
  })

  test('a checkpoint counts once it is complete; its slices alone do not', async () => {
    const bench = await open()
    const log = chain(8)
    await bench.store.commit([{ shard: 0, append: log }])
    const first = { id: 'a', value: '1' }
    await bench.store.commit([{ shard: 0, records: { opNumber: 4, records: [first] } }])
    await bench.store.commit([
      { shard: 0, records: { opNumber: 4, records: [{ id: 'b', value: '2' }] } },
      { shard: 0, checkpoint: checkpointAt(at(log, 3)) },
    ])
    const second = [
      { id: 'a', value: undefined },
      { id: 'c', value: '3' },
    ]
    await bench.store.commit([{ shard: 0, records: { opNumber: 8, records: second } }])
    expect(await records(bench.store)).toEqual([first, { id: 'b', value: '2' }])
    let store = await bench.reopen()
    expect(store.shards[0]?.checkpoint).toEqual(checkpointAt(at(log, 3)))
    expect(await records(store)).toEqual([first, { id: 'b', value: '2' }])
    // The slice was forgotten with the process: taken again, another one.
    await store.commit([
      {
        shard: 0,
        records: { opNumber: 8, records: [{ id: 'd', value: '4' }] },
        checkpoint: checkpointAt(at(log, 7)),
      },
    ])
    store = await bench.reopen()
    expect((await records(store)).map(r => r.id)).toEqual(['a', 'b', 'd'])
  })

  test('records of any id and value, and those that are gone', async () => {
    const bench = await open()
    const log = chain(2)
    const ids = [
      '',
      '\0',
      'a',
      'a\0',
      'a\0\xff',
      'a\0\0b',
      '__proto__',
      'é',
      '\ud800',
      '😀',
      '\uffff',
    ]
    const values = ids.map((id, i) => ({ id, value: i % 2 === 0 ? id : JSON.stringify(id) }))
    await bench.store.commit([
      {
        shard: 0,
        append: log,
        records: { opNumber: 1, records: values },
        checkpoint: checkpointAt(at(log, 0)),
      },
    ])
    const sorted = (all: { id: string }[]) => [...all].sort((a, b) => (a.id < b.id ? -1 : 1))
    let store = await bench.reopen()
    expect(await records(store)).toEqual(sorted(values))
    const gone = values.slice(0, 5).map(({ id }) => ({ id, value: undefined }))
    await store.commit([
      {
        shard: 0,
        records: { opNumber: 2, records: gone },
        checkpoint: checkpointAt(at(log, 1)),
      },
    ])
    store = await bench.reopen()
    expect(await records(store)).toEqual(sorted(values.slice(5)))
  })

  test('trimming takes the log and its changes from below', async () => {
    const bench = await open()
    const log = chain(10)
    const changes = log.map(({ opNumber }) => ({ opNumber, text: `${opNumber}` }))
    await bench.store.commit([{ shard: 0, append: log, changes }])
    const checkpoint = checkpointAt(at(log, 7))
    await bench.store.commit([{ shard: 0, checkpoint, trimBelow: 6 }])
    await bench.store.commit([])
    expect(await bench.store.readEntries(0, 5, 9, ALL)).toEqual([])
    expect(ops(await bench.store.readEntries(0, 6, 9, ALL))).toEqual([6, 7, 8, 9])
    expect((await bench.store.readChanges(0, 1, 7)).map(c => c.opNumber)).toEqual([6, 7])
    const store = await bench.reopen()
    expect(store.shards[0]).toMatchObject({ first: 6, head: 10, checkpoint })
    await store.commit([{ shard: 0, checkpoint: checkpointAt(at(log, 9)), trimBelow: 11 }])
    await store.commit([])
    expect((await bench.reopen()).shards[0]).toMatchObject({ first: 11, head: 10 })
    const more = chain(1, { after: at(log, 9) })
    await bench.store.commit([{ shard: 0, append: more }])
    expect(await (await bench.reopen()).readEntries(0, 11, 11, ALL)).toEqual(more)
  })

  test('an installed state replaces the old one and the log up to it', async () => {
    const bench = await open()
    const log = chain(5)
    const transferred = chain(120)
    await bench.store.commit([
      {
        shard: 0,
        append: log,
        records: { opNumber: 5, records: [{ id: 'old', value: '1' }] },
        checkpoint: checkpointAt(at(log, 4)),
      },
    ])
    const slice = (id: string) => ({ opNumber: 100, records: [{ id, value: id }] })
    await bench.store.commit([{ shard: 0, installRecords: slice('a') }])
    await bench.store.commit([{ shard: 0, installRecords: slice('b') }])
    expect((await records(bench.store)).map(r => r.id)).toEqual(['old'])
    const checkpoint = checkpointAt(at(transferred, 99))
    await bench.store.commit([
      { shard: 0, install: checkpoint, append: transferred.slice(100, 103), vsr: vsr(7) },
    ])
    for (const current of [() => bench.store, bench.reopen, bench.reopen]) {
      const store = await current()
      expect((await records(store)).map(r => r.id)).toEqual(['a', 'b'])
      expect(ops(await store.readEntries(0, 101, 200, ALL))).toEqual([101, 102, 103])
      expect(await store.readEntries(0, 3, 200, ALL)).toEqual([])
    }
    const { vsr: promised, first, head } = at(bench.store.shards, 0)
    expect({ promised, first, head }).toEqual({ promised: vsr(7), first: 101, head: 103 })
  })

  test('the slices of an install that was given up are not part of the next', async () => {
    const bench = await open()
    const log = chain(200)
    const records100 = [{ id: 'stray', value: '1' }]
    await bench.store.commit([{ shard: 0, installRecords: { opNumber: 100, records: records100 } }])
    await bench.store.commit([
      {
        shard: 0,
        installRecords: { opNumber: 150, records: [{ id: 'a', value: '1' }] },
        install: checkpointAt(at(log, 149)),
      },
    ])
    expect(await records(await bench.reopen())).toEqual([{ id: 'a', value: '1' }])
    await bench.store.commit([{ shard: 0, installRecords: { opNumber: 160, records: records100 } }])
    const store = await bench.reopen()
    await store.commit([{ shard: 0, install: checkpointAt(at(log, 169)) }])
    expect(await records(await bench.reopen())).toEqual([])
  })

  test('nor when a checkpoint of our own and a restart lie between', async () => {
    const bench = await open()
    const log = chain(200)
    const strayed = [{ id: 'stray', value: '1' }]
    await bench.store.commit([
      { shard: 0, append: log.slice(0, 5), installRecords: { opNumber: 100, records: strayed } },
    ])
    await bench.store.commit([{ shard: 0, checkpoint: checkpointAt(at(log, 4)) }])
    const store = await bench.reopen()
    await store.commit([{ shard: 0, install: checkpointAt(at(log, 99)) }])
    expect(await records(await bench.reopen())).toEqual([])
  })

  test('an install keeps the entries above it', async () => {
    const bench = await open()
    const log = chain(10)
    await bench.store.commit([{ shard: 0, append: log }])
    await bench.store.commit([{ shard: 0, install: checkpointAt(at(log, 3)) }])
    const store = await bench.reopen()
    expect(store.shards[0]).toMatchObject({ first: 5, head: 10 })
    expect(await store.readEntries(0, 5, 10, ALL)).toEqual(log.slice(4))
  })

  test('what was seen of the peers is kept, also when noted during a commit', async () => {
    const bench = await open()
    expect(bench.store.peerSeen('p2')).toBeUndefined()
    await Promise.all([
      bench.store.commit([{ shard: 0, append: chain(1) }]),
      bench.store.notePeer('p2', { incarnation: 'b', boot: 3 }),
      bench.store.notePeer('__proto__', { incarnation: 'c', boot: 1 }),
      bench.store.notePeer('p2', { incarnation: 'b', boot: 4 }),
    ])
    const store = await bench.reopen()
    expect(store.peerSeen('p2')).toEqual({ incarnation: 'b', boot: 4 })
    expect(store.peerSeen('__proto__')).toEqual({ incarnation: 'c', boot: 1 })
    expect(store.peerSeen('p3')).toBeUndefined()
  })

  describe('does not take what breaks its rules', () => {
    test('two commits at once: the first goes on', async () => {
      const { store } = await open()
      const first = store.commit([{ shard: 0, append: chain(1) }])
      await expect(store.commit([])).rejects.toThrow('one commit at a time')
      await first
      await store.commit([])
    })

    test.each([
      ['a gap', { shard: 0, append: chain(3).slice(2) }],
      [
        'another parent',
        { shard: 0, append: chain(1, { shard: 1 }).map(e => ({ ...e, shard: 0 })) },
      ],
      ["another shard's entry", { shard: 0, append: chain(1, { shard: 1 }) }],
      ['a checkpoint beyond the log', { shard: 0, checkpoint: checkpointAt(at(chain(9), 8)) }],
      ['trimming beyond the checkpoint', { shard: 0, append: chain(3), trimBelow: 3 }],
      ['truncating the checkpoint', { shard: 0, truncateFrom: 0 }],
      ['an unknown shard', { shard: 2 }],
    ])('%s', async (_name, write) => {
      const { store } = await open()
      await expect(store.commit([write])).rejects.toThrow('does not hold')
      // A bug met in the middle of a batch is as final as a failed write.
      await expect(store.commit([])).rejects.toThrow('does not hold')
    })

    test.each([
      ['an older view', vsr(4, 4)],
      ['an older last normal view', vsr(6, 3)],
    ])('%s', async (_name, older) => {
      const { store } = await open()
      await store.commit([{ shard: 0, vsr: vsr(5, 4) }])
      await expect(store.commit([{ shard: 0, vsr: older }])).rejects.toThrow('do not go back')
    })

    test('a commit after close', async () => {
      const bench = await open()
      await bench.store.close()
      await bench.store.close()
      await expect(bench.store.commit([])).rejects.toThrow('closed')
      await bench.reopen()
    })
  })
})
