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

const kv = { key: 'x', value: 'two\nlines', rev: 9, createRev: 4, version: 2 }

test('get gives the bare value in a pipe and on a terminal', async () => {
  daemon.result('kv.get', { kv, header: HEADER })
  expect(await run(['get', 'x'])).toEqual({ code: 0, out: 'two\nlines\n', err: '' })
  expect((await run(['get', 'x'], { tty: true })).out).toBe('two\nlines\n')
})

test('get in every form', async () => {
  daemon.result('kv.get', { kv: { ...kv, value: { a: 1 } }, header: HEADER })
  expect((await run(['get', 'x'])).out).toBe('{"a":1}\n')
  expect(JSON.parse((await run(['get', 'x', '--json'])).out)).toMatchObject({
    kv: { rev: 9 },
    header: HEADER,
  })
  expect((await run(['get', 'x', '-o', 'jsonl'])).out).toBe(
    '{"key":"x","value":{"a":1},"rev":9,"createRev":4,"version":2}\n',
  )
  expect((await run(['get', 'x', '-o', 'table'])).out).toBe(
    'KEY  VALUE    REV\nx    {"a":1}    9\n',
  )
})

test('a value that would clear the screen does not', async () => {
  daemon.result('kv.get', { kv: { ...kv, value: '\u001b[2J' }, header: HEADER })
  expect((await run(['get', 'x'], { tty: true })).out).toBe('\\x1b[2J\n')
  expect((await run(['get', 'x'])).out).toBe('\u001b[2J\n')
})

test('a key that is not there is exit code 3, a sentence, and no data', async () => {
  daemon.result('kv.get', { kv: null, header: HEADER })
  expect(await run(['get', 'x'])).toEqual({ code: 3, out: '', err: 'x is not there\n' })
  expect((await run(['get', 'x', '-q'])).err).toBe('')
  expect(JSON.parse((await run(['get', 'x', '--json'])).out).kv).toBeNull()
})

test('put sends JSON as JSON and text as text, and tells the viewstamp', async () => {
  daemon.result('kv.put', { rev: 12, header: HEADER })
  expect((await run(['put', 'x', '{"a":1}'])).out).toBe('{"rev":12,"view":3,"op":17}\n')
  expect((await run(['put', 'x', 'abc', '--ttl', '5s', '--if-absent'], { tty: true })).out).toBe(
    'ok  rev 12 · view 3 op 17\n',
  )
  expect(daemon.calls.map(call => call.params)).toMatchObject([
    { key: 'x', value: { a: 1 } },
    { key: 'x', value: 'abc', ttlMs: 5_000, ifAbsent: true },
  ])
})

test('negative numbers are values, not flags', async () => {
  daemon.result('kv.put', { rev: 1, header: HEADER })
  daemon.result('kv.incr', { value: -5, rev: 2, header: HEADER })
  expect((await run(['put', 'x', '-5'])).code).toBe(0)
  expect(await run(['kv', 'incr', 'x', '-5'])).toMatchObject({ code: 0, out: '-5\n' })
  expect(daemon.calls.map(call => call.params)).toMatchObject([{ value: -5 }, { by: -5 }])
})

test('cas: exit code 4 when what is there is not what was expected', async () => {
  daemon.result('kv.cas', {
    succeeded: false,
    rev: 9,
    current: { ...kv, value: 7 },
    header: HEADER,
  })
  const { code, err } = await run(['kv', 'cas', 'x', '1', '2'])
  expect({ code, err }).toEqual({ code: 4, err: 'not changed: 7 at rev 9 is there\n' })
  daemon.result('kv.cas', { succeeded: true, rev: 10, header: HEADER })
  expect((await run(['kv', 'cas', 'x', '--absent', 'new'])).code).toBe(0)
  expect((await run(['kv', 'cas', 'x', '--rev', '9', '--delete'])).code).toBe(0)
  expect(
    daemon.calls.map(({ params }) => ({ expect: params['expect'], value: params['value'] })),
  ).toEqual([
    { expect: { value: 1 }, value: 2 },
    { expect: { absent: true }, value: 'new' },
    { expect: { rev: 9 }, value: undefined },
  ])
})

test('ls follows the pages and tells when there is more', async () => {
  const pages = [
    { kvs: [{ key: 'a', value: 1, rev: 1 }], more: true, cursor: 'c1', header: HEADER },
    { kvs: [{ key: 'b', value: 'z', rev: 2 }], more: false, header: HEADER },
  ]
  daemon.answers.set('kv.range', params => ({ result: pages[params['cursor'] === 'c1' ? 1 : 0] }))
  expect((await run(['kv', 'ls'])).out).toBe(
    '{"key":"a","value":1,"rev":1}\n{"key":"b","value":"z","rev":2}\n',
  )
  expect((await run(['kv', 'ls'], { tty: true })).out).toBe(
    'KEY  VALUE  REV\na    1        1\nb    z        2\n',
  )
  expect((await run(['kv', 'ls', '--keys-only'])).out).toBe('a\nb\n')
  expect(await run(['kv', 'ls', '--limit', '1'])).toMatchObject({
    out: '{"key":"a","value":1,"rev":1}\n',
    err: 'there are more; --limit 0 shows all\n',
  })
})

test('apply prints what the program left', async () => {
  daemon.result('kv.apply', { values: { x: 7, y: 12 }, rev: 3, header: HEADER })
  expect((await run(['kv', 'apply', 'x+=2; y*=4; x=x+y'])).out).toBe('x=7\ny=12\n')
})

test('log read shows commands, changes or both', async () => {
  const entries = [
    {
      op: 3,
      view: 1,
      timeMs: 0,
      commands: [
        {
          kind: 'operation',
          rev: 3,
          machine: 'kv',
          command: { op: 'put', key: 'x', value: 1, ttlMs: 5 },
        },
      ],
      changes: [
        { machine: 'kv', key: 'x', value: 1, rev: 3 },
        { machine: 'kv', key: 'y', rev: 3 },
      ],
    },
  ]
  daemon.result('log.read', { entries, header: HEADER })
  daemon.result('log.info', { first: 1, op: 3, commit: 3, checkpoint: 0, header: HEADER })
  expect((await run(['log', 'read', '--as', 'changes', '-o', 'raw'])).out).toBe('x=1\ny gone\n')
  expect((await run(['log', 'read', '--as', 'changes'])).out).toContain(
    '{"machine":"kv","key":"y","rev":3}',
  )
  expect((await run(['log', 'read', '--as', 'both', '--from', '-1'], { tty: true })).out).toMatch(
    /^ *OP {2}VIEW {2}TIME.*\n *3 {5}1 .* kv put x 1 \{"ttlMs":5\} {2}x=1, y gone\n$/,
  )
  expect(daemon.calls.at(-1)?.params).toMatchObject({ from: 3, as: 'both' })
})

test('log verify: exit code 9 when replicas differ', async () => {
  daemon.result('log.verify', { ok: false, head: 9, hash: 'ab', firstBad: 5, header: HEADER })
  expect(await run(['log', 'verify', '--all'])).toMatchObject({ code: 9 })
  const odd = { odd: ['n3'], what: 'log', replicas: [] }
  daemon.result('log.verify', {
    ok: false,
    head: 9,
    hash: 'ab',
    firstBad: 5,
    ...odd,
    header: HEADER,
  })
  const { out } = await run(['log', 'verify', '--all'], { tty: true })
  expect(out).toBe('NOT the same: the log of n3 differs, first at op 5\n')
})

test('log verify: a replica that was not asked is no success', async () => {
  daemon.result('log.verify', { ok: true, head: 9, hash: 'ab', missing: ['n3'], header: HEADER })
  expect(await run(['log', 'verify', '--all'])).toMatchObject({
    code: 6,
    err: 'n3 did not answer: start it, and verify again\n',
  })
})

test('status is one line per node; an endpoint that is down has one too', async () => {
  const shard = {
    shard: 'main',
    status: 'normal',
    epoch: 0,
    view: 3,
    primary: 'n1',
    isPrimary: true,
    op: 17,
    commit: 16,
    applied: 16,
    checkpoint: 0,
    lag: 0,
  }
  daemon.result('cluster.status', { name: 'n1', role: 'replica', shards: [shard], header: HEADER })
  const { out, code } = await run(['status', '-e', 'http://127.0.0.1:1'], { tty: true })
  expect(code).toBe(0)
  expect(out).toBe(
    [
      'NODE                ROLE     STATUS       VIEW  OP  COMMIT  LAG  PRIMARY  RPC',
      'http://127.0.0.1:1           unreachable                                  http://127.0.0.1:1',
      `n1                  replica  normal          3  17      16    0  ★        ${daemon.url}`,
      '',
    ].join('\n'),
  )
  expect(JSON.parse((await run(['status'])).out)).toMatchObject({ name: 'n1', isPrimary: true })
})

test('status --all asks the peers where they say, else at the port above their address', async () => {
  const peers = [
    { name: 'n3', rpc: 'http://127.0.0.1:3', addresses: [] },
    { name: 'n2', rpc: null, addresses: ['/ip4/127.0.0.1/tcp/1/p2p/b'] },
  ]
  const self = { name: 'n1', role: 'replica', rpc: daemon.url, shards: [], peers }
  daemon.result('cluster.status', { ...self, header: HEADER })
  const { out } = await run(['status', '--all', '--json'])
  expect(JSON.parse(out)).toMatchObject([
    { endpoint: daemon.url, name: 'n1' },
    { endpoint: 'http://127.0.0.1:2', name: 'n2', status: 'unreachable' },
    { endpoint: 'http://127.0.0.1:3', name: 'n3', status: 'unreachable' },
  ])
})

test('watch prints a line per change and resumes behind the last one', async () => {
  daemon.result('kv.watch', { subscription: 's1', startRev: 5, header: HEADER })
  const from: unknown[] = []
  daemon.onSubscribe = (params, push, socket) => {
    from.push(params['from'])
    const rev = from.length === 1 ? 5 : 6
    push({ subscription: 's1', n: 1, kind: 'bookmark', rev: rev - 1 })
    push({
      subscription: 's1',
      n: 2,
      kind: 'kv',
      rev,
      view: 3,
      result: { changes: [{ key: 'x', value: rev }] },
    })
    if (from.length === 1) setImmediate(() => socket.close())
  }
  const { out, err, code } = await run(['watch', 'x', '--count', '2'], { tty: true })
  expect({ code, out, from }).toEqual({
    code: 0,
    out: 'rev 5      x = 5\nrev 6      x = 6\n',
    from: ['now', 6],
  })
  expect(err).toContain('connecting again')
})

test('rpc passes anything through', async () => {
  daemon.result('system.ping', { pong: true })
  expect((await run(['rpc', 'system.ping'])).out).toBe('{"pong":true}\n')
  expect((await run(['rpc', 'system.ping', '[1]'])).code).toBe(2)
})

test('export and import are each other in reverse', async () => {
  const kvs = [
    { key: 'a', value: 1, rev: 1 },
    { key: 'b', value: { c: 'd' }, rev: 2 },
  ]
  daemon.result('kv.range', { kvs, more: false, header: HEADER })
  const { out } = await run(['kv', 'export', '-q'])
  expect(out).toBe('{"key":"a","value":1}\n{"key":"b","value":{"c":"d"}}\n')
})

test('watch of several shards resumes from the cursor', async () => {
  daemon.result('kv.watch', { subscription: 's1', cursor: '@1.1', header: HEADER })
  const from: unknown[] = []
  daemon.onSubscribe = (params, push, socket) => {
    from.push(params['from'])
    const result = { changes: [{ key: 'x', value: 1 }] }
    const cursor = from.length === 1 ? '@1.8' : '@2.8'
    push({ subscription: 's1', n: 1, kind: 'kv', rev: 7, shard: 's1', cursor, view: 3, result })
    if (from.length === 1) setImmediate(() => socket.close())
  }
  const { out } = await run(['watch', '--prefix', '', '--count', '2', '--json'])
  expect(from).toEqual(['now', '@1.8'])
  const last = JSON.parse(out.trim().split('\n').at(-1) ?? '')
  expect(last).toMatchObject({ rev: 7, shard: 's1', cursor: '@2.8', key: 'x' })
})

test('kv history shows versions and says where the log no longer reaches; none: exit code 3', async () => {
  const versions = [
    { rev: 9, value: null, deleted: true, timeMs: 1_700_000_000_000 },
    { rev: 4, value: { a: 1 }, deleted: false },
  ]
  daemon.result('kv.history', { versions, more: true, firstRev: 5, header: HEADER })
  const { out, err, code } = await run(['kv', 'history', 'x'], { tty: true })
  expect(code).toBe(0)
  expect(out).toBe(
    [
      'REV  TIME                      VALUE      CORRELATION',
      '  9  2023-11-14T22:13:20.000Z  (deleted)',
      '  4                            {"a":1}',
      '',
    ].join('\n'),
  )
  expect(err).toBe('older versions are not kept: the log begins at rev 5\n')
  daemon.result('kv.history', { versions: [], more: false, firstRev: 1, header: HEADER })
  expect((await run(['kv', 'history', 'x'])).code).toBe(3)
})
