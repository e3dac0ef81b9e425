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
  daemon.result('kv.hash', { hash: 'ab', op: rev, rev, header: HEADER })
  daemon.answers.set('kv.get', ({ key }) => ({
    result: { kv: kvs[String(key)] ?? null, header: HEADER },
  }))
  daemon.result('kv.import', { rev: 3, lamport: 1, header: HEADER })
}

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
