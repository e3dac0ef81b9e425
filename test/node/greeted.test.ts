import { afterEach, expect, test, vi } from 'vitest'
import { Greeted } from '../../src/node/greeted.ts'

afterEach(() => vi.useRealTimers())

test('waits for all others, and no longer than it may', async () => {
  vi.useFakeTimers()
  const greeted = new Greeted(['a', 'b'])
  greeted.note('a')
  greeted.note('a')
  greeted.note('a standby')
  let done = 0
  const waiting = greeted.all(300).then(() => done++)
  await vi.advanceTimersByTimeAsync(299)
  expect(done).toBe(0)
  greeted.note('b')
  await waiting
  expect(vi.getTimerCount()).toBe(0)
  await greeted.all(300)

  const alone = new Greeted(['a'])
  const late = alone.all(300).then(() => done++)
  await vi.advanceTimersByTimeAsync(300)
  await late
  expect(done).toBe(2)
})

test('a cluster of one waits for nobody', async () => {
  vi.useFakeTimers()
  await new Greeted([]).all(300)
  expect(vi.getTimerCount()).toBe(0)
})
