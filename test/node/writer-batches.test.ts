/** The writer loop: what becomes durable together, and what waits for whom. (Order and errors: writer.test.ts.) */
import { expect, test } from 'vitest'
import { type Job, Writer } from '../../src/node/writer.ts'
import type { ShardWrite } from '../../src/storage/port.ts'

/** A disk whose commits end when the test says so; what was done, in order. */
function setUp() {
  const commits: { writes: readonly ShardWrite[]; end: () => void }[] = []
  const done: string[] = []
  const writer = new Writer(
    writes =>
      new Promise(resolve => {
        commits.push({ writes, end: resolve })
      }),
    error => {
      throw error
    },
  )
  const job = (name: string, bytes = 100): Job => ({
    write: { shard: 0, trimBelow: Number(name.replace(/\D/g, '')) },
    bytes,
    done: () => void done.push(name),
  })
  /** Ends the commit under way and lets the loop take the next. */
  const end = async (): Promise<void> => {
    commits.at(-1)?.end()
    await settled()
  }
  const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
  return { writer, commits, done, job, end, settled }
}

const MIB = 2 ** 20

test('what piles up while the disk is busy is one batch; nothing is done before it is durable', async () => {
  const { writer, commits, done, job, end, settled } = setUp()
  writer.add(job('1'))
  await settled()
  for (const name of ['2', '3', '4']) writer.add(job(name))
  expect([commits.length, done]).toEqual([1, []])
  await end()
  expect(done).toEqual(['1'])
  expect(commits[1]?.writes).toHaveLength(3)
  await end()
  expect(done).toEqual(['1', '2', '3', '4'])
})

test('a checkpoint does not overtake the entries it is of, where a batch is cut at its size', async () => {
  const { writer, commits, done, job, end, settled } = setUp()
  writer.add(job('1'))
  await settled()
  writer.add(job('2', 3 * MIB))
  writer.add(job('3', 3 * MIB))
  writer.addBackground(job('checkpoint 4'))
  await end()
  // The second batch had room for one of them only: the checkpoint waits for the other.
  expect(commits[1]?.writes).toHaveLength(1)
  await end()
  expect(commits[2]?.writes).toHaveLength(2)
  await end()
  expect(done).toEqual(['1', '2', '3', 'checkpoint 4'])
})

test('records of a checkpoint come as fast as the log, and ahead of it where a batch is cut', async () => {
  const { writer, commits, done, job, end, settled } = setUp()
  const slice = (name: string): Job => ({
    ...job(name, MIB),
    write: { shard: 0, records: { opNumber: 9, records: [] } },
  })
  writer.add(job('1'))
  await settled()
  for (const name of ['2', '3']) writer.add(job(name, 2.5 * MIB))
  for (const name of ['a', 'b', 'c', 'd']) writer.addBackground(slice(name))
  writer.addBackground(job('checkpoint 9'))
  await end()
  // 2.5 MiB of the log, 2 of records.
  expect(commits[1]?.writes).toHaveLength(3)
  await end()
  await end()
  await end()
  expect(done).toEqual(['1', '2', 'a', 'b', '3', 'c', 'd', 'checkpoint 9'])
})

test('records do not overtake a state that is installed before them', async () => {
  const { writer, done, job, end, settled } = setUp()
  writer.add(job('1'))
  await settled()
  writer.add(job('2', 3 * MIB))
  writer.add({
    ...job('install 5', 2 * MIB),
    write: { shard: 0, install: { opNumber: 5 } as never },
  })
  writer.addBackground({
    ...job('records 9'),
    write: { shard: 0, records: { opNumber: 9, records: [] } },
  })
  for (let i = 0; i < 4; i++) await end()
  expect(done).toEqual(['1', '2', 'install 5', 'records 9'])
})

test('background is one job a batch, and can be dropped before its turn', async () => {
  const { writer, commits, done, job, end, settled } = setUp()
  for (const name of ['b1', 'b2', 'b3']) writer.addBackground(job(name))
  await settled()
  expect(commits[0]?.writes).toHaveLength(1)
  writer.dropBackground(0)
  await end()
  expect([commits.length, done, writer.queued]).toEqual([1, ['b1'], 0])
})
