/** The stream of changes: what is on disk and what is in memory overlap, and nobody may notice. */
import { expect, test } from 'vitest'
import type { CommitEvent } from '../../src/node/api.ts'
import { ChangeStream } from '../../src/node/watch.ts'

function eventAt(rev: number): CommitEvent {
  const changes = [{ rev, machine: 'kv', key: 'k', value: rev }]
  return { shard: 'main', rev, view: 0, op: rev, timeMs: rev, lamport: 2 * rev, changes }
}

function streamOf(count: number) {
  const kept: CommitEvent[] = []
  const stream = new ChangeStream({
    read: async (first, limit) => kept.filter(event => event.rev >= first).slice(0, limit),
    firstRev: () => 1,
  })
  const add = (rev: number) => {
    const events = [eventAt(rev)]
    kept.push(...events)
    stream.add({ rev, changes: 1, events: () => events })
  }
  for (let rev = 1; rev <= count; rev++) add(rev)
  return { stream, add }
}

test.each([
  [1, 1000],
  [451, 1000],
  [937, 1000],
  [1, 20_000],
])('from rev %i of %i: each change once, in order, then live', async (from, count) => {
  const { stream, add } = streamOf(count)
  const seen: number[] = []
  let wake = () => {}
  const watch = stream.watch({ key: 'k' }, from, event => {
    seen.push(event.rev)
    wake()
  })
  while (watch.reached?.() === undefined) {
    await new Promise<void>(resolve => {
      wake = resolve
      setImmediate(resolve)
    })
  }
  add(count + 1)
  expect(seen).toEqual(Array.from({ length: count + 2 - from }, (_, i) => from + i))
})
