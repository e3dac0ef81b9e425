/** kv import of a log: what is compared before it goes on, and what is said at its end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cli } from './command-line.ts'
import { FakeDaemon, HEADER } from './fake-daemon.ts'

let daemon: FakeDaemon
let folder: string

beforeEach(async () => {
  daemon = await FakeDaemon.start()
  folder = mkdtempSync(join(tmpdir(), 'viewstamp-import-'))
})

afterEach(async () => {
  await daemon.stop()
  rmSync(folder, { recursive: true })
})

/** Three entries of one put each: revs 1 … 3. */
const LOG = ['a', 'b', 'c'].map((key, i) => ({
  ...{ op: i + 1, revBefore: i },
  changes: [{ machine: 'kv', rev: i + 1, key, value: i }],
}))

function importLog(bytes: string | Buffer = LOG.map(each => JSON.stringify(each)).join('\n')) {
  const file = join(folder, 'log')
  writeFileSync(file, bytes)
  return cli(['kv', 'import', file, '-e', daemon.url])
}

function copyAt(rev: number, kvs: Record<string, object>): void {
  const machines = { kv: 'cd', feed: 'ef' }
  daemon.result('kv.hash', { hash: 'ab', op: rev, rev, machines, header: HEADER })
  daemon.answers.set('kv.get', ({ key }) => ({
    result: { kv: kvs[String(key)] ?? null, header: HEADER },
  }))
  daemon.result('kv.import', { rev: 3, lamport: 1, header: HEADER })
}

/** A feed of two partitions: made, two records and a key in one transaction, what retention took, and a group. */
const config = { partitions: 2, retention: { records: 5 }, compact: 'none', dedupeMs: 1000 }
const record = (partition: number, offset: number, rev: number) => ({
  ...{ machine: 'feed', rev, key: `f/${partition}/${offset}` },
  value: {
    ...{ feed: 'f', partition, offset, timeMs: 7, rev, key: 'k', value: offset, headers: { h: 1 } },
    ...{ lamport: 9, viewstamp: { view: 0, op: 2 }, id: 'i', mine: true },
  },
})
const FEED_LOG = [
  { op: 1, revBefore: 0, changes: [{ machine: 'feed', rev: 1, key: 'f', value: config }] },
  {
    ...{ op: 2, revBefore: 1 },
    changes: [{ machine: 'kv', rev: 2, key: 'x', value: 1 }, record(0, 3, 2), record(1, 0, 2)],
  },
  {
    ...{ op: 3, revBefore: 2 },
    changes: [
      { machine: 'feed', rev: 2, key: 'f/0', value: { first: 4, next: 4 } },
      { machine: 'feed', rev: 3, key: 'f/group/g', value: { mode: 'cursor', offsets: { 0: 4 } } },
    ],
  },
]
const linesOf = (log: readonly object[]) => log.map(each => JSON.stringify(each)).join('\n')

const imports = () => daemon.calls.filter(({ method }) => method === 'kv.import')

test('a repeat goes on behind what is there, if that is what was read', async () => {
  copyAt(2, { a: { key: 'a', value: 0, rev: 1 }, b: { key: 'b', value: 1, rev: 2 } })
  expect((await importLog()).code).toBe(0)
  expect(imports().map(({ params }) => params['rev'])).toEqual([3])
})

test.each([
  ['not there', {}],
  ['of another rev', { b: { key: 'b', value: 1, rev: 1 } }],
  ['of another value', { b: { key: 'b', value: 9, rev: 2 } }],
])('a key that is %s: the copy has diverged, and nothing goes on', async (_, other) => {
  for (const rev of [2, 3]) {
    daemon.calls.length = 0
    copyAt(rev, { a: { key: 'a', value: 0, rev: 1 }, c: { key: 'c', value: 2, rev: 3 }, ...other })
    const { code, err } = await importLog()
    expect(code).toBe(4)
    expect(err).toContain('begin anew, into an empty cluster')
    expect(err).not.toContain('repeat')
    expect(imports()).toEqual([])
  }
})

test('a log that ends before the copy does says that it was not compared', async () => {
  copyAt(7, {})
  const { code, err } = await importLog()
  expect([code, imports()]).toEqual([0, []])
  expect(err).toContain('ends at rev 3, before the copy does')
})

test('only what may pass is to be repeated', async () => {
  copyAt(0, {})
  daemon.error('kv.import', 1001, 'COMPARE_FAILED')
  const diverged = await importLog()
  expect(diverged.code).toBe(4)
  expect(diverged.err).toContain('diverged')
  expect(diverged.err).not.toContain('repeat')
  daemon.error('kv.import', -32003, 'TIMEOUT', { outcome: 'unknown' })
  const late = await importLog()
  expect(late.code).toBe(7)
  expect(late.err).toContain('repeat the command')
  daemon.error('kv.import', -32009, 'FORBIDDEN')
  expect((await importLog()).err).not.toContain('repeat')
})

test('a file that is not there, or no UTF-8, is one sentence', async () => {
  const none = await cli(['kv', 'import', join(folder, 'none'), '-e', daemon.url])
  expect([none.code, none.err]).toEqual([2, expect.stringContaining('cannot be read (ENOENT)')])
  const bad = await importLog(Buffer.from([0x7b, 0xff, 0x0a]))
  expect([bad.code, bad.err]).toEqual([2, expect.stringContaining('is not UTF-8')])
})

test('what became of feeds goes along, records without what the log of the copy says', async () => {
  copyAt(0, {})
  daemon.result('feed.list', { feeds: [], header: HEADER })
  const { code, err } = await importLog(linesOf(FEED_LOG))
  expect(code).toBe(0)
  const plain = { key: 'k', headers: { h: 1 }, id: 'i', mine: true }
  const feed = (key: string, value: object) => ({ machine: 'feed', key, value })
  expect(imports().flatMap(({ params }) => params['operations'])).toEqual([
    [feed('f', config)],
    [
      { key: 'x', value: 1 },
      feed('f/0/3', { ...plain, value: 3 }),
      feed('f/1/0', { ...plain, value: 0 }),
    ],
    [feed('f/0', { first: 4, next: 4 }), feed('f/group/g', { mode: 'cursor', offsets: { 0: 4 } })],
  ])
  expect(err).toContain(
    '2 records published to 1 feed, at the offsets that they had; time, viewstamp and lamport are those of this cluster',
  )
})

test('of a feed whose making was not read nothing can be taken, which is said', async () => {
  copyAt(0, {})
  daemon.result('feed.list', { feeds: [], header: HEADER })
  const [, ...rest] = FEED_LOG
  const first = { op: 1, revBefore: 0, changes: [{ machine: 'kv', rev: 1, key: 'y', value: 1 }] }
  const { code, err } = await importLog(linesOf([first, ...rest]))
  expect(code).toBe(0)
  expect(imports().flatMap(({ params }) => params['operations'])).toEqual([
    [{ key: 'y', value: 1 }],
    [{ key: 'x', value: 1 }],
    [],
  ])
  expect(err).toContain('4 changes of feeds were left out')
  expect(err).not.toContain('published')
})

test.each([
  ['the same', { offset: 0, rev: 2, value: 0 }, 0],
  ['another', { offset: 0, rev: 2, value: 'another' }, 4],
  ['of another rev', { offset: 0, rev: 1, value: 0 }, 4],
])('a repeat looks at the newest record of a partition, too: %s', async (_, there, wanted) => {
  copyAt(2, { x: { key: 'x', value: 1, rev: 2 } })
  daemon.result('feed.list', { feeds: [{ feed: 'f' }], header: HEADER })
  daemon.answers.set('feed.read', ({ partition }) =>
    partition === 1
      ? { result: { records: [there], next: 1, first: 0, last: 0, header: HEADER } }
      : { error: { code: 1015, message: 'gone', data: { name: 'OFFSET_OUT_OF_RANGE', first: 4 } } },
  )
  const { code, err } = await importLog(linesOf(FEED_LOG))
  expect([code, imports().length]).toEqual([wanted, wanted === 0 ? 1 : 0])
  if (wanted > 0) expect(err).toContain('"f/1/0", changed at rev 2 there, is another here')
})
