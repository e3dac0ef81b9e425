/** The texts of cold records: out of memory once durable, and fetched with a checkpoint as far as they are lacking. */
import { describe, expect, test } from 'vitest'
import type { GetTexts, NewTexts } from '../../src/vr/message.ts'
import type { ReplicaOptions } from '../../src/vr/options.ts'
import { operation, Replicas } from '../support/replicas.ts'

/** Every second operation completes a page; the last ten are kept. */
const PAGES = { lines: 2, kept: 10 }
const SHORT: Partial<ReplicaOptions> = {
  checkpointEvery: 10,
  checkpointIntervalMs: 0,
  keepLogOperations: 1,
  keepLogMs: 0,
  logTailMax: 5,
  viewChangeTimeoutMs: 2000,
  startGraceMs: 4000,
}

function group(options: Partial<ReplicaOptions> = {}, pages = PAGES) {
  const replicas = new Replicas(3, { ...SHORT, ...options }, pages)
  const session = replicas.open(0, 's')
  let written = 0
  const write = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const n = ++written
      replicas.request(0, operation(session, n, `put k${n % 5} ${n}`, n - 1))
      replicas.settle()
    }
  }
  return { replicas, write }
}

const pagesOf = (replicas: Replicas, i: number): string[] =>
  [...replicas.node(i).service.freeze().coldRecords()].map(record => record.id)
const inMemory = (replicas: Replicas, i: number): string[] =>
  pagesOf(replicas, i).filter(id => replicas.node(i).service.coldText(id) !== undefined)
const onDisk = (replicas: Replicas, i: number): string[] => [
  ...replicas.node(i).disk.image.texts.keys(),
]

/** What is asked and answered while everything arrives. */
function overhear(replicas: Replicas, ms: number) {
  const asked: GetTexts[] = []
  const told: NewTexts[] = []
  const take = replicas.take.bind(replicas)
  replicas.take = which => {
    const packets = take(which)
    for (const { message } of packets) {
      if (message.type === 'GETTEXTS') asked.push(message)
      if (message.type === 'NEWTEXTS') told.push(message)
    }
    return packets
  }
  replicas.runSlowly(ms, 10)
  return { asked, told }
}

describe('memory', () => {
  test('a text is there until the checkpoint that carries it is durable', () => {
    const { replicas, write } = group()
    write(8)
    expect(inMemory(replicas, 0)).toHaveLength(4)
    const texts = inMemory(replicas, 0)
    replicas.request(0, operation('s@1', 9, 'put k 9', 8), operation('s@1', 10, 'put k 10', 8))
    for (let i = 0; i < 3; i++) {
      // The log is durable everywhere, checkpoints nowhere.
      for (const node of replicas.nodes) {
        while (node.jobs[0]?.type === 'write') replicas.sync(node.number, 1)
      }
      replicas.deliver()
    }
    expect(replicas.at(0).checkpoint.rev).toBe(10)
    expect(replicas.at(0).durableCheckpoint).toBe(0)
    expect(inMemory(replicas, 0)).toEqual(expect.arrayContaining(texts))
    replicas.settle()
    expect(replicas.at(0).durableCheckpoint).toBeGreaterThan(0)
    expect(inMemory(replicas, 0)).toEqual([])
    expect(pagesOf(replicas, 0)).toHaveLength(5)
  })

  test('a checkpoint is taken for the bytes of cold records alone, at the same op everywhere', () => {
    const { replicas, write } = group({ checkpointEvery: 1e6, checkpointColdBytes: 60 })
    write(20)
    const ops = replicas.nodes.map(({ replica }) => replica?.checkpoint.opNumber)
    expect(ops[0]).toBeGreaterThan(0)
    expect(new Set(ops).size).toBe(1)
    // Also by one that comes back, and counts anew from its own checkpoint.
    replicas.crash(1)
    replicas.start(1)
    write(23)
    const later = replicas.nodes.map(({ replica }) => replica?.checkpoint.opNumber)
    expect(later[0]).toBeGreaterThan(ops[0] ?? 0)
    expect(new Set(later).size).toBe(1)
  })
})

describe('a replica that was away', () => {
  test('asks for the texts that it lacks, a bounded answer at a time, and for no others', () => {
    const { replicas, write } = group({ transferBytesMax: 50 })
    write(20)
    replicas.run(200)
    replicas.crash(2)
    write(10)
    const before = onDisk(replicas, 2)
    expect(before).toHaveLength(10)
    replicas.start(2)
    const { asked, told } = overhear(replicas, 4000)
    expect(replicas.state(2)).toBe(replicas.state(0))
    expect(asked.length).toBeGreaterThan(1)
    for (const { ids } of asked) for (const id of ids) expect(before).not.toContain(id)
    for (const { texts } of told) {
      expect(texts.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(50)
    }
    expect(onDisk(replicas, 2).sort()).toEqual(onDisk(replicas, 0).sort())
    expect(pagesOf(replicas, 2)).toEqual(pagesOf(replicas, 0))
  })

  test('does not ask for more before what it got is on disk', () => {
    const { replicas, write } = group({ transferBytesMax: 50 })
    replicas.crash(2)
    write(30)
    replicas.start(2)
    replicas.tick(100)
    const isAsking = () => replicas.wire.some(packet => packet.message.type === 'GETTEXTS')
    for (let i = 0; i < 50 && !isAsking(); i++) replicas.deliver()
    expect(isAsking()).toBe(true)
    replicas.deliver()
    replicas.deliver()
    expect(replicas.node(2).jobs.map(job => job.type === 'write' && job.texts?.length)).toEqual([2])
    replicas.tick(500, 2)
    expect(replicas.take({ from: 2 }).map(packet => packet.message.type)).not.toContain('GETTEXTS')
    replicas.sync(2)
    expect(isAsking()).toBe(true)
  })

  test('is told a text that the checkpoint has, though the state has dropped it since', () => {
    const { replicas, write } = group({}, { lines: 2, kept: 1 })
    replicas.crash(2)
    write(20)
    const { opNumber } = replicas.at(0).checkpoint
    write(4)
    expect(replicas.at(0).checkpoint.opNumber).toBe(opNumber)
    replicas.start(2)
    const { told } = overhear(replicas, 2000)
    expect(told.flatMap(({ texts }) => texts)).toHaveLength(1)
    expect(replicas.state(2)).toBe(replicas.state(0))
  })

  test('takes no text that is another, and begins anew', () => {
    const { replicas, write } = group()
    replicas.crash(2)
    write(30)
    replicas.start(2)
    replicas.tick(100)
    for (let i = 0; i < 50 && !replicas.wire.some(p => p.message.type === 'NEWTEXTS'); i++) {
      for (const node of replicas.nodes) replicas.sync(node.number)
      replicas.deliver()
    }
    const [told] = replicas.take({ type: 'NEWTEXTS' })
    if (told?.message.type !== 'NEWTEXTS') throw new Error('no texts were told')
    const texts = told.message.texts.map(({ id, text }) => ({ id, text: `${text}?` }))
    replicas.give([{ ...told, message: { ...told.message, texts } }])
    expect(onDisk(replicas, 2)).toEqual([])
    expect(replicas.at(2).transfer?.fetch).toBeUndefined()
    replicas.run(2000)
    expect(replicas.state(2)).toBe(replicas.state(0))
    expect(onDisk(replicas, 2).sort()).toEqual(onDisk(replicas, 0).sort())
  })

  test('goes on from what it has when its fetch is given up for a newer checkpoint', () => {
    const { replicas, write } = group({ transferBytesMax: 50 }, { lines: 2, kept: 12 })
    replicas.crash(2)
    write(30)
    replicas.start(2)
    replicas.tick(100)
    const stored = () => replicas.at(2).fetchedTexts.size
    for (let i = 0; i < 100 && stored() < 4; i++) {
      for (const node of replicas.nodes) replicas.sync(node.number)
      replicas.deliver()
    }
    replicas.sync(2)
    const kept = new Set(replicas.at(2).fetchedTexts.keys())
    expect(kept.size).toBe(4)
    replicas.take()
    // r2 hears nothing meanwhile; those that it has last stay, the rest of that checkpoint goes everywhere.
    for (let i = 0; i < 10; i++) {
      const n = 31 + i
      replicas.request(0, operation('s@1', n, `put k ${n}`, n - 1))
      replicas.settle({ from: 0, to: 1 }, { from: 1, to: 0 })
    }
    for (const i of [0, 1]) replicas.at(i).kept.splice(0, replicas.at(i).kept.length - 1)
    const { asked } = overhear(replicas, 6000)
    expect(replicas.state(2)).toBe(replicas.state(0))
    for (const { ids } of asked) for (const id of ids) expect(kept.has(id)).toBe(false)
    expect(replicas.at(2).fetchedTexts.size).toBe(0)
    expect(onDisk(replicas, 2).sort()).toEqual(onDisk(replicas, 0).sort())
  })

  test('fetches them again when a crash came before the install', () => {
    const { replicas, write } = group({ transferBytesMax: 50 })
    replicas.crash(2)
    write(30)
    replicas.start(2)
    replicas.tick(100)
    for (let i = 0; i < 100 && replicas.node(2).disk.image.uninstalled.size < 4; i++) {
      for (const node of replicas.nodes) replicas.sync(node.number)
      replicas.deliver()
    }
    expect(onDisk(replicas, 2)).toHaveLength(4)
    replicas.crash(2)
    replicas.start(2)
    expect(onDisk(replicas, 2)).toEqual([])
    replicas.run(4000)
    expect(replicas.state(2)).toBe(replicas.state(0))
    expect(onDisk(replicas, 2).sort()).toEqual(onDisk(replicas, 0).sort())
  })
})
