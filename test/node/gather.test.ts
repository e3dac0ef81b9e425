import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Gather, LONGEST_MS } from '../../src/node/gather.ts'
import type { Command } from '../../src/vr/entry.ts'
import { clientId, requestNumber } from '../../src/vr/terms.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function command(n: number): Command {
  return {
    kind: 'operation',
    clientId: clientId('c@1'),
    requestNumber: requestNumber(n),
    ackedNumber: requestNumber(0),
    meta: '',
    operation: new Uint8Array(0),
  }
}

/** A gather whose entries go under way when handed in, until `commit`. */
function gathering(options: { readonly isPrimary?: boolean } = {}) {
  const entries: number[] = []
  let isUnderWay = false
  let next = 0
  const gather = new Gather({
    isPrimary: () => options.isPrimary ?? true,
    isUnderWay: () => isUnderWay,
    nowMs: () => Date.now(),
    handIn: commands => {
      entries.push(commands.length)
      isUnderWay = true
    },
  })
  return {
    entries,
    add: (count: number) => {
      for (let i = 0; i < count; i++) gather.add(command(++next), count > 8)
    },
    commit: () => {
      isUnderWay = false
      gather.executed(entries.at(-1) ?? 0)
    },
  }
}

test('a single call goes at once, and again behind its own commit', async () => {
  const { add, commit, entries } = gathering()
  for (let i = 0; i < 3; i++) {
    add(1)
    await vi.advanceTimersByTimeAsync(0)
    commit()
  }
  expect(entries).toEqual([1, 1, 1])
})

test('callers that come back share one entry with those that waited', async () => {
  const { add, commit, entries } = gathering()
  add(32)
  await vi.advanceTimersByTimeAsync(0)
  add(32)
  commit()
  await vi.advanceTimersByTimeAsync(1)
  expect(entries).toEqual([32])
  add(31)
  expect(entries).toEqual([32])
  add(1)
  expect(entries).toEqual([32, 64])
})

test('callers that stay away are waited for once, and then no longer', async () => {
  const { add, commit, entries } = gathering()
  add(32)
  await vi.advanceTimersByTimeAsync(0)
  add(8)
  commit()
  await vi.advanceTimersByTimeAsync(LONGEST_MS - 1)
  expect(entries).toEqual([32])
  await vi.advanceTimersByTimeAsync(2)
  expect(entries).toEqual([32, 8])
  add(20)
  commit()
  expect(entries).toEqual([32, 8, 20])
})

test('with a round trip longer than 10 ms the next entry does not wait for the commit', async () => {
  const { add, entries } = gathering()
  add(1)
  await vi.advanceTimersByTimeAsync(0)
  add(5)
  await vi.advanceTimersByTimeAsync(9)
  expect(entries).toEqual([1])
  await vi.advanceTimersByTimeAsync(1)
  expect(entries).toEqual([1, 5])
})

test('a busy backup gathers for a millisecond, an idle one not at all', async () => {
  const { add, entries } = gathering({ isPrimary: false })
  add(1)
  await vi.advanceTimersByTimeAsync(0)
  add(9)
  await vi.advanceTimersByTimeAsync(0)
  expect(entries).toEqual([1])
  await vi.advanceTimersByTimeAsync(1)
  expect(entries).toEqual([1, 9])
})
