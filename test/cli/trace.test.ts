/** viewstamp trace: a tree, a diagram, and what may be missing. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cli } from './command-line.ts'
import { FakeDaemon, HEADER } from './fake-daemon.ts'

let daemon: FakeDaemon
beforeEach(async () => {
  daemon = await FakeDaemon.start()
})
afterEach(() => daemon.stop())

const run = (words: readonly string[], options: Parameters<typeof cli>[1] = {}) =>
  cli([...words, '-e', daemon.url], options)

const event = (shard: string, lamport: number, more: object = {}) => ({
  ...{ id: `${shard}@${lamport}`, shard, lamport, op: lamport, rev: 1, view: 0, timeMs: 0 },
  ...{ node: 'n1', machine: 'kv', method: 'kv.put', keys: ['a'], records: [], session: 's' },
  ...more,
})
const record = { feed: 'orders', partition: 0, offset: 12 }
const EVENTS = [
  event('main', 4),
  event('s1', 6, { method: 'feed.publish', keys: [], records: [record], node: 'n2' }),
  event('main', 8, { keys: ['b "c"<br/>'] }),
  event('main', 9, { machine: 'bank', method: 'sm.submit', keys: [] }),
]
const EDGES = [
  { from: 'main@4', to: 'main@8', why: 'order' },
  { from: 'main@8', to: 'main@9', why: 'order' },
  { from: 'main@4', to: 's1@6', why: 'cause' },
  { from: 's1@6', to: 'main@8', why: 'cause' },
]
const whole = { missing: [], more: false, since: { main: 1, s1: 1 }, header: HEADER }
const answer = { correlationId: 'c', events: EVENTS, edges: EDGES, ...whole }

test('a tree of causes, with times and nodes', async () => {
  daemon.result('trace.get', answer)
  const { code, out, err } = await run(['trace', 'c'], { tty: true })
  const lines = out.replace(/\d\d:\d\d:\d\d\.\d{3}/g, 'TIME').split('\n')
  expect(lines).toEqual([
    'TIME  kv.put a                     n1  main@4  op 4  rev 1',
    'TIME  └─ feed.publish orders/0/12  n2  s1@6  op 6  rev 1',
    'TIME     └─ kv.put b "c"<br/>      n1  main@8  op 8  rev 1',
    'TIME  sm.submit bank               n1  main@9  op 9  rev 1',
    '',
  ])
  expect({ code, err }).toEqual({ code: 0, err: '' })
})

test('as JSON, as lines, as a diagram', async () => {
  daemon.result('trace.get', answer)
  expect(JSON.parse((await run(['trace', 'c', '-o', 'json'])).out)).toEqual(answer)
  expect((await run(['trace', 'c'])).out.split('\n')).toHaveLength(5)
  const { out } = await run(['trace', 'c', '-o', 'mermaid'])
  const lines = out.split('\n')
  expect(lines[0]).toBe('flowchart TD')
  expect(lines[3]).toMatch(
    /^ {2}e3\["kv\.put b #34;c#34;#60;br\/#62;<br\/>n1 · main@8 · [\d:.]+"\]$/,
  )
  expect(lines.slice(5)).toEqual(['  e1 --> e2', '  e2 --> e3', '  e1 -.-> e3', '  e3 -.-> e4', ''])
})

test('mermaid is for traces only', async () => {
  expect(await run(['get', 'x', '-o', 'mermaid'])).toMatchObject({ code: 2, out: '' })
  expect(daemon.calls).toEqual([])
})

test('nothing known: exit code 3', async () => {
  daemon.result('trace.get', { ...answer, events: [], edges: [] })
  expect(await run(['trace', 'c'])).toEqual({ code: 3, out: '', err: 'nothing is known of "c"\n' })
})

test('what may be missing is said', async () => {
  const since = { main: 70, s1: 1 }
  daemon.result('trace.get', { ...answer, since, missing: ['n3'], more: true })
  const { code, err } = await run(['trace', 'c', '--limit', '4'])
  expect(daemon.calls.at(-1)?.params).toMatchObject({ correlationId: 'c', limit: 4 })
  expect(code).toBe(0)
  expect(err).toBe(
    'the log is kept of main from op 70 on: earlier commands are not shown\n' +
      'n3 did not answer, and may know of earlier ones\n' +
      'there are more: see --limit\n',
  )
})
