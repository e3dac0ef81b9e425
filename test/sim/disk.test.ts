import { expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import type { Job } from '../../src/sim/disk.ts'
import { Disk, emptyImage, entriesOn, headOf, holds } from '../../src/sim/disk.ts'
import { checksumOf, opNumber, revOf } from '../../src/vr/terms.ts'
import { chainOf, lines, vsr, writeOf } from './fixtures.ts'

const options = { syncMs: [1, 1], checkpointSlicesMax: 1, keepUnsynced: 0.5, stall: 0 } as const
const newDisk = (seed = 1, given = {}): Disk =>
  new Disk(emptyImage(), { ...options, ...given }, new Prng(seed))
const log = chainOf(lines('put r1 1', 'put r1 2', 'put r1 3', 'put r1 4', 'put r1 5'))

function sync(disk: Disk): Job[] {
  disk.beginSync(0)
  const jobs = disk.endSync()
  for (const job of jobs) disk.apply(job)
  return jobs
}

function checkpoint(op: number, records: { id: string; value: string | undefined }[]): Job {
  const id = {
    opNumber: opNumber(op),
    checksum: checksumOf(log[op - 1]?.checksum ?? ''),
    rev: revOf(op),
    timeMs: 1,
    lamport: 2 * op,
    stateHash: '',
  }
  return { type: 'checkpoint', id, records }
}

test('nothing is durable before its sync is over; then everything that waited for it is', () => {
  const disk = newDisk()
  disk.submit(writeOf({ append: log.slice(0, 2) }))
  expect(disk.beginSync(10)).toBe(11)
  disk.submit(writeOf({ append: log.slice(2, 3) }))
  expect(headOf(disk.image)).toBe(0)
  for (const job of disk.endSync()) disk.apply(job)
  expect(headOf(disk.image)).toBe(2)
  sync(disk)
  expect(headOf(disk.image)).toBe(3)
})

test('a write replaces a suffix and the view numbers together', () => {
  const disk = newDisk()
  const other = chainOf(lines('put r1 1', 'put r1 9'), [0, 1])
  disk.submit(writeOf({ append: log.slice(0, 3) }))
  disk.submit(writeOf({ truncateFrom: opNumber(2), append: other.slice(1), vsr: vsr(1, 1) }))
  sync(disk)
  expect(headOf(disk.image)).toBe(2)
  expect(holds(disk.image, 2, other[1]?.checksum ?? '')).toBe(true)
  expect(disk.image.vsr.lastNormalView).toBe(1)
})

test('a crash loses a suffix of what was not synced: never a write without those behind it', () => {
  const seen = new Set<number>()
  for (let seed = 1; seed <= 60; seed++) {
    const disk = newDisk(seed)
    for (const entry of log) disk.submit(writeOf({ append: [entry] }))
    disk.crash()
    const head = headOf(disk.image)
    expect(entriesOn(disk.image, 1, head, 1e9).map(entry => entry.opNumber)).toEqual(
      Array.from({ length: head }, (_, i) => i + 1),
    )
    seen.add(head)
  }
  expect(seen.size).toBeGreaterThan(3)
})

test('what was synced survives any crash', () => {
  const disk = newDisk(1, { keepUnsynced: 0 })
  disk.submit(writeOf({ append: log.slice(0, 3), vsr: vsr(2, 2) }))
  sync(disk)
  disk.submit(writeOf({ append: log.slice(3, 4) }))
  disk.crash()
  expect(headOf(disk.image)).toBe(3)
  expect(disk.image.vsr.viewNumber).toBe(2)
})

test('a checkpoint merges changed records; the log is cut behind it, with a mark of where it begins', () => {
  const disk = newDisk()
  disk.submit(writeOf({ append: log }))
  disk.submit(checkpoint(2, [{ id: 'a', value: '1' }]))
  disk.submit(checkpoint(4, [{ id: 'b', value: '2' }]))
  sync(disk)
  expect([...disk.image.records]).toEqual([
    ['a', '1'],
    ['b', '2'],
  ])
  disk.submit({ type: 'trim', below: opNumber(3) })
  sync(disk)
  expect(disk.image.first).toBe(3)
  expect(disk.image.start.opNumber).toBe(2)
  expect(holds(disk.image, 1, 'anything')).toBe(true)
  expect(entriesOn(disk.image, 1, 5, 1e9)).toEqual([])
})

test('checkpoints do not overtake each other, however many slices they take', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const disk = newDisk(seed, { checkpointSlicesMax: 5 })
    disk.submit(writeOf({ append: log }))
    disk.submit(checkpoint(2, [{ id: 'a', value: '1' }]))
    disk.submit(checkpoint(4, [{ id: 'b', value: '2' }]))
    const order: number[] = []
    for (let i = 0; i < 12; i++) {
      for (const job of sync(disk)) if (job.type === 'checkpoint') order.push(job.id.opNumber)
    }
    expect(order).toEqual([2, 4])
  }
})

test('an installed checkpoint replaces the records and the log below it, and keeps what continues it', () => {
  const disk = newDisk()
  disk.submit(writeOf({ append: log }))
  disk.submit(checkpoint(2, [{ id: 'old', value: '1' }]))
  sync(disk)
  const { id } = checkpoint(4, []) as Extract<Job, { type: 'checkpoint' }>
  disk.submit(writeOf({ install: { ...id, records: [{ id: 'new', value: '2' }] } }))
  sync(disk)
  expect([...disk.image.records.keys()]).toEqual(['new'])
  expect(disk.image.first).toBe(5)
  expect(headOf(disk.image)).toBe(5)
})

test('a hung disk delays the next sync', () => {
  const disk = newDisk()
  disk.hang(500)
  disk.submit(writeOf({ append: log.slice(0, 1) }))
  expect(disk.beginSync(10)).toBe(501)
})
