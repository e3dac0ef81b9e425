import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cli } from './command-line.ts'
import { FakeDaemon, HEADER } from './fake-daemon.ts'

let daemon: FakeDaemon
beforeEach(async () => {
  daemon = await FakeDaemon.start()
})
afterEach(() => daemon.stop())

const ERRORS: readonly (readonly [number, string, object, number])[] = [
  [-32602, 'INVALID_PARAMS', {}, 2],
  [-32001, 'NO_QUORUM', {}, 6],
  [-32001, 'NO_QUORUM', { outcome: 'unknown' }, 7],
  [-32003, 'TIMEOUT', { outcome: 'unknown' }, 7],
  [-32603, 'INTERNAL', { outcome: 'unknown' }, 7],
  [-32018, 'NOT_READY', {}, 6],
  [-32005, 'OVERLOADED', {}, 10],
  [-32006, 'TOO_LARGE', { limit: 1_048_576 }, 10],
  [-32011, 'READ_ONLY', { reason: 'NO_SPACE' }, 10],
  [-32011, 'READ_ONLY', {}, 6],
  [-32008, 'UNAUTHENTICATED', {}, 8],
  [-32009, 'FORBIDDEN', {}, 8],
  [1001, 'COMPARE_FAILED', {}, 4],
  [1009, 'BAD_PROGRAM', {}, 2],
  [1100, 'APP_REJECTED', {}, 1],
  [1023, 'DIVERGED', {}, 9],
]

test.each(ERRORS)('%d %s %j of a write is exit code %d', async (code, name, data, exit) => {
  daemon.error('kv.put', code, name, data)
  const outcome = await cli(['put', 'x', '1', '-e', daemon.url])
  expect(outcome).toMatchObject({ code: exit, out: '' })
  expect(outcome.err).toMatch(
    /^viewstamp: .* it is( \(the write may or may not have happened\))?\n$/,
  )
})

test('a read has no unknown outcome', async () => {
  daemon.error('kv.get', -32003, 'TIMEOUT', { outcome: 'unknown' })
  expect((await cli(['get', 'x', '-e', daemon.url])).code).toBe(6)
})

test('no endpoint reachable is exit code 5, at once', async () => {
  expect(
    await cli(['get', 'x', '-e', 'http://127.0.0.1:1', '-e', 'http://127.0.0.1:2']),
  ).toMatchObject({
    code: 5,
    out: '',
  })
})

test.each([['ready'], ['status', '--all'], ['snapshot', 'save', 'f'], ['get', 'x'], ['watch']])(
  'what is no endpoint is a mistake of the command line: %s %s',
  async (...words) => {
    const outcome = await cli([...words, '-e', '::'])
    const err = "viewstamp: '::' is no endpoint such as http://127.0.0.1:7401\n"
    expect(outcome).toEqual({ code: 2, out: '', err })
  },
)

test('the next endpoint is tried when one is down, and the token goes along', async () => {
  daemon.result('kv.put', { rev: 1, header: HEADER })
  const words = ['put', 'x', '1', '-e', `http://127.0.0.1:1,${daemon.url}`, '-v']
  const outcome = await cli(words)
  expect(outcome.code).toBe(0)
  expect(outcome.err).toContain('http://127.0.0.1:1: UNREACHABLE')
})

test('a write whose connection is lost is not sent again: exit code 7', async () => {
  daemon.answers.set('kv.put', () => 'hang up')
  expect((await cli(['put', 'x', '1', '-e', daemon.url, '-e', daemon.url])).code).toBe(7)
  expect(daemon.calls).toHaveLength(1)
})

test('a write that is not answered in time is exit code 7, a read 6', async () => {
  daemon.answers.set('kv.put', () => 'hang')
  daemon.answers.set('kv.get', () => 'hang')
  expect((await cli(['put', 'x', '1', '-e', daemon.url, '--timeout', '500ms'])).code).toBe(7)
  expect((await cli(['get', 'x', '-e', daemon.url, '--timeout', '500ms'])).code).toBe(6)
})

test('a refusal that did nothing is tried again until it works', async () => {
  const refusal = {
    code: -32002,
    message: 'a view change',
    data: { name: 'VIEW_CHANGE', retryable: true, outcome: 'none' },
  }
  daemon.answers.set('kv.put', () =>
    daemon.calls.length < 3 ? { error: refusal } : { result: { rev: 1, header: HEADER } },
  )
  expect((await cli(['put', 'x', '1', '-e', daemon.url])).code).toBe(0)
  expect(daemon.calls).toHaveLength(3)
})

test.each([
  [['gett', 'x'], "unknown command 'gett' (Did you mean get?)"],
  [['get'], "missing required argument 'key'"],
  [
    ['get', 'x', '--consistensy', 'local'],
    "unknown option '--consistensy' (Did you mean --consistency?)",
  ],
  [
    ['get', 'x', '--consistency', 'often'],
    "--consistency must be linearizable, session, local, not 'often'",
  ],
  [
    ['get', 'x', '--timeout', 'soon'],
    "--timeout must be a duration such as 250ms or 5s, not 'soon'",
  ],
  [['get', 'x', '-o', 'xml'], "--output must be table, json, jsonl, raw, not 'xml'"],
  [['get', 'x', '-e', 'not a url'], "'not a url' is no endpoint such as http://127.0.0.1:7401"],
  [['kv', 'ls', '--limit', '-3'], "--limit must be a whole number from 0, not '-3'"],
  [['kv', 'cas', 'x'], 'give the EXPECTED value, --rev or --absent'],
  [['kv', 'cas', 'x', '1'], 'give the NEW value or --delete'],
  [['kv', 'cas', 'x', '1', '2', '3'], "'3' is one argument too many"],
  [['del'], 'give a KEY to delete, or --prefix, and not both'],
  [['watch', 'x', '--from', 'then'], "--from must be now, first, a rev or a cursor, not 'then'"],
  [['rpc', 'kv.get', '{'], 'JSON is not JSON'],
  [['start', '--set', 'nonsense'], "--set must be like replication.heartbeat=20ms, not 'nonsense'"],
  [['init'], 'give --dir DIR, where the cluster shall live'],
  [['completion', 'cmd'], 'cmd is none of bash, zsh and fish'],
])('%j is a usage error, exit code 2: %s', async (words, sentence) => {
  const { code, err } = await cli(words)
  expect(code).toBe(2)
  expect(err).toContain(`viewstamp: ${sentence}`)
  expect(err.trimEnd()).not.toContain('\n')
})

test('every flag may come from the environment; the command line is stronger', async () => {
  daemon.result('kv.get', { kv: { key: 'x', value: 1, rev: 1 }, header: HEADER })
  const env = {
    VIEWSTAMP_ENDPOINT: daemon.url,
    VIEWSTAMP_OUTPUT: 'jsonl',
    VIEWSTAMP_CORRELATION_ID: 'c9',
  }
  expect((await cli(['get', 'x'], { env })).out).toBe('{"key":"x","value":1,"rev":1}\n')
  expect((await cli(['get', 'x', '-o', 'raw'], { env })).out).toBe('1\n')
  expect(daemon.calls[0]?.params).toMatchObject({ meta: { correlationId: 'c9' } })
  expect((await cli(['get', 'x'], { env: { VIEWSTAMP_TIMEOUT: 'x' } })).err).toContain(
    'viewstamp: VIEWSTAMP_TIMEOUT must be a duration',
  )
})

test('errors are JSON where data is', async () => {
  daemon.error('kv.put', -32006, 'TOO_LARGE', { limit: 5 })
  const { err } = await cli(['put', 'x', '1', '--json', '-e', daemon.url])
  expect(JSON.parse(err)).toMatchObject({
    error: { code: -32006, name: 'TOO_LARGE', outcome: 'none', data: { limit: 5 } },
  })
})

test('ready: 0 when it serves, 6 when it is up and not ready, 5 when it is not there', async () => {
  expect((await cli(['ready', '-e', daemon.url])).code).toBe(0)
  daemon.ready = false
  expect((await cli(['ready', '-e', daemon.url, '--timeout', '1s'])).code).toBe(6)
  expect((await cli(['ready', '-e', 'http://127.0.0.1:1', '--timeout', '1s'])).code).toBe(5)
})

test('something else on the port is told apart from a daemon', async () => {
  const other = createServer((request, response) => {
    response.statusCode = request.headers.authorization === 'Bearer secret' ? 200 : 401
    response.end('<html>')
  })
  await new Promise<void>(done => other.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  const file = join(mkdtempSync(join(tmpdir(), 'viewstamp-token-')), 'token')
  writeFileSync(file, 'secret\n')
  const refused = await cli(['get', 'x', '-e', url])
  expect(refused).toMatchObject({ code: 8 })
  expect(refused.err).toContain('give --token-file')
  const odd = await cli(['get', 'x', '-e', url, '--token-file', file])
  expect(odd.code).toBe(1)
  expect(odd.err).toContain('is it the RPC port of a Viewstamp daemon?')
  await new Promise(done => other.close(done))
})
