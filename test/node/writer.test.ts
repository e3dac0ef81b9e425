/** The writer loop: in order, and never again after an error. */
import { expect, test } from 'vitest'
import { Writer } from '../../src/node/writer.ts'
import type { ShardWrite } from '../../src/storage/port.ts'

function writer(fails: (commit: number) => boolean) {
  const commits: (readonly ShardWrite[])[] = []
  const done: number[] = []
  const errors: unknown[] = []
  const made = new Writer(
    writes => {
      commits.push(writes)
      return fails(commits.length) ? Promise.reject(new Error('no space')) : Promise.resolve()
    },
    error => errors.push(error),
  )
  const add = (n: number): void =>
    made.add({ write: { shard: 0 }, bytes: 1, done: () => done.push(n) })
  return { made, add, commits, done, errors }
}
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

test('jobs are done in order, once they are durable', async () => {
  const { made, add, done } = writer(() => false)
  for (const n of [1, 2, 3]) add(n)
  expect(done).toEqual([])
  await made.flush()
  expect(done).toEqual([1, 2, 3])
})

test('after the first error nothing is written, and nothing is done', async () => {
  const { add, commits, done, errors } = writer(commit => commit === 1)
  add(1)
  await turn()
  add(2)
  await turn()
  expect(errors).toHaveLength(1)
  expect(commits).toHaveLength(1)
  expect(done).toEqual([])
})

test('whoever waits for the disk hears of the error: for a write of its own, or for all; then, and later', async () => {
  const { made, add } = writer(commit => commit === 1)
  add(1)
  const own = made.written({ shard: 0 }, 1)
  const all = made.flush()
  await expect(own).rejects.toThrow('no space')
  await expect(all).rejects.toThrow('no space')
  await expect(made.written({ shard: 0 }, 1)).rejects.toThrow('no space')
  await expect(made.flush()).rejects.toThrow('no space')
})
