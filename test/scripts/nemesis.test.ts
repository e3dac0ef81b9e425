/** The nemesis notices what it is there to notice: servers that lose, go back, or say what is not true. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeDaemon, HEADER } from '../cli/fake-daemon.ts'

// Plain JavaScript without declarations, as all scripts are.
const { Workload } = await import('../../scripts/nemesis/workload.mjs' as string)

let daemon: FakeDaemon
let values: Map<string, unknown>

beforeEach(async () => {
  daemon = await FakeDaemon.start()
  values = new Map()
  daemon.answers.set('kv.put', ({ key, value }) => {
    values.set(String(key), value)
    return { result: { rev: 1, header: HEADER } }
  })
  daemon.answers.set('kv.get', ({ key }) => {
    const value = values.get(String(key))
    return { result: { kv: value === undefined ? null : { value }, header: HEADER } }
  })
  daemon.answers.set('kv.incr', ({ key }) => {
    const value = Number(values.get(String(key)) ?? 0) + 1
    values.set(String(key), value)
    return { result: { value, header: HEADER } }
  })
})
afterEach(() => daemon.stop())

/** Loads until so many writes were acknowledged; gives the load, stopped. */
async function loaded(writes: number) {
  const load = new Workload({ n: 1, url: () => daemon.url }, { writers: 2, readers: 1 })
  load.start()
  await load.more(writes)
  await load.stop()
  return load
}

test('a server that keeps what it says', async () => {
  const load = await loaded(100)
  expect(await load.lost()).toBe(0)
  expect(load.lies).toEqual([])
  expect([load.op, load.unknown]).toEqual([HEADER.op, 0])
})

test('acknowledged writes that are gone are counted', async () => {
  const load = await loaded(100)
  for (const [key, value] of values) {
    if (key.startsWith('w0')) values.set(key, { n: (value as { n: number }).n - 1 })
  }
  values.set('counter', 0)
  expect(await load.lost()).toBe(8 + load.counter.acknowledged)
})

test('a write that was refused and is there', async () => {
  const refusal = {
    code: -32002,
    message: 'not now',
    data: { name: 'VIEW_CHANGE', outcome: 'none' },
  }
  const put = daemon.answers.get('kv.put')
  let count = 0
  daemon.answers.set('kv.put', params => {
    const answer = put?.(params) ?? { result: null }
    return ++count % 20 === 0 ? { error: refusal } : answer
  })
  const load = await loaded(100)
  await load.lost()
  expect(load.lies.join('\n')).toMatch(/which was refused with outcome none/)
})

test('a counter that was raised twice for one call; an error that says nothing', async () => {
  const load = await loaded(50)
  values.set('counter', load.counter.acknowledged + 1)
  await load.lost()
  expect(load.lies).toEqual([expect.stringMatching(/^the counter is \d+; \d+ were acknowledged/)])
  daemon.answers.set('kv.put', ({ key, value }) => {
    const silent = { code: 1, message: 'no', data: {} }
    return String(key).startsWith('w1') ? { error: silent } : { result: { value, header: HEADER } }
  })
  expect((await loaded(5)).lies).toContainEqual(
    expect.stringMatching(/^an error without an outcome/),
  )
})

test('an unknown run is named, and those there are are listed', async () => {
  const run = promisify(execFile)(process.execPath, ['scripts/nemesis/main.mjs', 'flood'])
  await expect(run).rejects.toMatchObject({
    code: 2,
    stdout: expect.stringMatching(/^there is no run flood\n[\s\S]* power-cuts /),
  })
})
