/** Parameters of the methods: by name, by position, and what is said when they are wrong. */
import { describe, expect, test } from 'vitest'
import { call, post, serve } from './harness.ts'

describe('by position', () => {
  const cases: [string, unknown[], object][] = [
    ['kv.put', ['k', 1], { op: 'put', key: 'k', value: 1 }],
    ['kv.put', ['k', null], { op: 'put', key: 'k', value: null }],
    ['kv.put', ['k', 1, { prev: true }], { op: 'put', key: 'k', value: 1, prev: true }],
    ['kv.put', ['k', { a: 1 }, {}, {}], { op: 'put', key: 'k', value: { a: 1 } }],
    ['kv.del', ['k', { ifRev: 0 }], { op: 'del', key: 'k', ifRev: 0 }],
    ['kv.del', [{ prefix: 'a' }, { prev: true }], { op: 'del', prefix: 'a' }],
    ['kv.cas', ['k', { rev: 1 }], { op: 'cas', key: 'k', expect: { rev: 1 } }],
    ['kv.cas', ['k', { absent: true }, null], { op: 'cas', value: null }],
    ['kv.incr', ['k'], { op: 'incr', key: 'k' }],
    ['kv.incr', ['k', 2.5, { max: 9 }], { op: 'incr', key: 'k', by: 2.5, max: 9 }],
    ['kv.incr', ['k', null, { init: 3 }], { op: 'incr', key: 'k', init: 3 }],
    ['kv.apply', ['x=1'], { op: 'apply', program: 'x=1' }],
    ['kv.range', [{ prefix: 'a', limit: 2 }], { op: 'range', prefix: 'a', limit: 2 }],
    ['kv.range', [], { op: 'range' }],
    ['kv.getMany', [['a', 'b']], { op: 'getMany', keys: ['a', 'b'] }],
  ]
  test.each(cases)('%s %j', async (method, params, body) => {
    const { url, node } = await serve()
    const got = await call(url, method, params)
    expect(node.calls[0]?.body, JSON.stringify(got)).toMatchObject(body)
  })

  test('one more object at the end is meta', async () => {
    const { url, node } = await serve()
    const meta = { timeoutMs: 50, consistency: 'local' }
    await call(url, 'kv.get', ['k', meta])
    await call(url, 'kv.put', ['k', 1, {}, { timeoutMs: 7 }])
    await call(url, 'kv.put', ['k', 1, { meta: { timeoutMs: 8 } }])
    expect(node.calls.map(each => each.meta)).toEqual([meta, { timeoutMs: 7 }, { timeoutMs: 8 }])
    expect((await call(url, 'system.ping', [{ shard: 'main' }])).result.pong).toBe(true)
  })

  test('what has no place is refused, by its place', async () => {
    const { url } = await serve()
    expect((await call(url, 'kv.get', ['k', 'x'])).error.data.path).toBe('[1]')
    expect((await call(url, 'kv.put', ['k', 1, {}, {}, {}])).error.data.path).toBe('[4]')
    expect((await call(url, 'system.ping', [1])).error.data.path).toBe('[0]')
  })
})

describe('a wrong argument names its path', () => {
  const txn = (...then: unknown[]) => ({ then })
  const cases: [string, unknown, string][] = [
    ['kv.put', { key: 5 }, 'key'],
    ['kv.put', {}, 'key'],
    ['kv.put', undefined, 'key'],
    ['kv.put', { key: 'k' }, 'value'],
    ['kv.put', { key: '', value: 1 }, 'key'],
    ['kv.put', { key: '\ud800', value: 1 }, 'key'],
    ['kv.put', { key: 'k', value: 1, ifRev: null }, 'ifRev'],
    ['kv.put', { key: 'k', value: 1, ifRev: 1.5 }, 'ifRev'],
    ['kv.put', { key: 'k', value: 1, ifRev: 2 ** 53 }, 'ifRev'],
    ['kv.put', { key: 'k', value: 1, ttlMs: 0 }, 'ttlMs'],
    ['kv.put', { key: 'k', value: 1, ifAbsent: 1 }, 'ifAbsent'],
    ['kv.put', { key: 'k', value: { $bytes: '***' } }, 'value.$bytes'],
    ['kv.put', { key: 'k', value: { $bytes: 'YQ' } }, 'value.$bytes'],
    ['kv.put', { key: 'k', value: { $bytes: 'YQ==', a: 1 } }, 'value.$bytes'],
    ['kv.put', { key: 'k', value: [1, { a: { $bytes: 5 } }] }, 'value[1].a.$bytes'],
    ['kv.get', { key: ['k'] }, 'key'],
    ['kv.getMany', { keys: 'k' }, 'keys'],
    ['kv.getMany', { keys: ['k', 1] }, 'keys[1]'],
    ['kv.range', { limit: 0 }, 'limit'],
    ['kv.range', { prefix: 'a', start: 'b' }, 'prefix'],
    ['kv.del', {}, 'key'],
    ['kv.del', { start: 'a' }, 'key'],
    ['kv.del', { key: 'k', prefix: 'a' }, 'prefix'],
    ['kv.del', { prefix: 'a', ifRev: 1 }, 'ifRev'],
    ['kv.cas', { key: 'k', expect: {} }, 'expect'],
    ['kv.cas', { key: 'k', expect: { rev: 1, absent: true } }, 'expect'],
    ['kv.cas', { key: 'k', expect: { rev: 'x' } }, 'expect.rev'],
    ['kv.incr', { key: 'k', by: '1' }, 'by'],
    ['kv.apply', { program: 5 }, 'program'],
    ['kv.txn', { compare: [{ key: 'k', target: 'rev', op: '==', value: 1 }] }, 'compare[0].op'],
    ['kv.txn', txn(5), 'then[0]'],
    ['kv.txn', txn({ op: 'nope' }), 'then[0]'],
    ['kv.txn', txn({ op: 'put', key: 1 }), 'then[0].key'],
    ['kv.txn', txn({ get: { key: 'k' } }, { put: { key: '', value: 1 } }), 'then[1].put.key'],
    ['kv.watch', { from: 'yesterday' }, 'from'],
    ['sm.submit', { machine: 'nope', command: 1 }, 'machine'],
    ['log.get', { op: 0 }, 'op'],
    ['log.read', { as: 'x' }, 'as'],
    ['trace.get', { correlationId: 'c', limit: 0 }, 'limit'],
    ['session.open', { ttlMs: 5 }, 'ttlMs'],
    ['kv.get', { key: 'k', meta: 5 }, 'meta'],
    ['kv.get', { key: 'k', meta: { consistency: 'strong' } }, 'meta.consistency'],
    ['kv.get', { key: 'k', meta: { timeoutMs: -1 } }, 'meta.timeoutMs'],
    ['kv.put', { key: 'k', value: 1, meta: { seq: 1 } }, 'meta.session'],
    ['kv.put', { key: 'k', value: 1, meta: { session: 's' } }, 'meta.seq'],
    ['kv.get', { key: 'k', meta: { forward: 'no' } }, 'meta.forward'],
  ]
  test.each(cases)('%s %j: %s', async (method, params, path) => {
    const { url, node } = await serve()
    const { error } = await call(url, method, params)
    expect(error).toMatchObject({
      code: -32602,
      data: { name: 'INVALID_PARAMS', outcome: 'none', retryable: false, path },
    })
    expect(error.message).toMatch(/^\S.{9,}/)
    expect(node.calls).toEqual([])
  })

  test('numbers must be finite', async () => {
    const { url } = await serve()
    for (const value of ['1e999', '{"a":[-1e999]}']) {
      const text = `{"jsonrpc":"2.0","id":1,"method":"kv.put","params":["k",${value}]}`
      expect((await post(url, text)).json.error.code).toBe(-32602)
    }
  })
})

describe('too large names the limit', () => {
  const cases: [string, unknown, number, string][] = [
    ['kv.put', { key: 'k'.repeat(1025), value: 1 }, 1024, 'key'],
    ['kv.get', { key: '€'.repeat(342) }, 1024, 'key'],
    ['kv.put', { key: 'k', value: 'x'.repeat(1024 * 1024) }, 1_048_576, 'value'],
    ['kv.put', { key: 'k', value: { a: Array(300_000).fill(1234) } }, 1_048_576, 'value'],
    ['kv.cas', { key: 'k', expect: { rev: 1 }, value: ['x'.repeat(2 ** 20)] }, 1_048_576, 'value'],
    ['sm.submit', { machine: 'echo', command: 'x'.repeat(2 ** 20) }, 1_048_576, 'command'],
    ['kv.getMany', { keys: Array(10_001).fill('k') }, 10_000, 'keys'],
  ]
  test.each(cases)('%s', async (method, params, limit, path) => {
    const { url, node } = await serve()
    const { error } = await call(url, method, params)
    expect(error).toMatchObject({ code: -32006, data: { limit, path, outcome: 'none' } })
    expect(node.calls).toEqual([])
  })

  test('exactly the limit is taken', async () => {
    const { url } = await serve()
    const value = 'x'.repeat(1024 * 1024 - 2)
    const put = await call(url, 'kv.put', { key: 'é'.repeat(512), value })
    expect(put.result.rev).toBe(1)
  })
})

describe('data is data', () => {
  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    '%s is a key like any other, and a member of values',
    async key => {
      const { url } = await serve()
      const value = JSON.parse(`{"__proto__":{"x":1},"constructor":2,"a":{"__proto__":3}}`)
      await call(url, 'kv.put', { key, value })
      const got = await call(url, 'kv.get', [key])
      expect(JSON.stringify(got.result.kv.value)).toBe(JSON.stringify(value))
      expect(({} as { x?: number }).x).toBeUndefined()
    },
  )

  test('kv.apply gives values of every name', async () => {
    const { url } = await serve()
    const got = await call(url, 'kv.apply', ['x=1; x+=2; toString=x*2'])
    expect(got.result.values).toEqual(JSON.parse('{"x":3,"toString":6}'))
  })

  test('extra named parameters and members of meta are ignored', async () => {
    const { url, node } = await serve()
    const meta = { timeoutMs: 5, colour: 'red' }
    const got = await call(url, 'kv.put', { key: 'k', value: 1, colour: 'red', meta })
    expect(got.result.rev).toBe(1)
    expect(node.calls[0]?.body).not.toHaveProperty('colour')
  })

  test('a machine of the user gets its command as it is', async () => {
    const { url, node } = await serve()
    const got = await call(url, 'sm.submit', ['echo', { anything: [1] }])
    expect(got.result).toMatchObject({ result: { anything: [1] }, rev: 1 })
    expect(node.calls[0]).toMatchObject({ machine: 'echo', keys: [], body: { anything: [1] } })
    expect((await call(url, 'sm.query', ['echo', 5])).result.result).toBe(5)
    expect((await call(url, 'sm.list')).result.machines).toHaveLength(2)
  })

  test('the keys of a transaction go with it', async () => {
    const { url, node } = await serve()
    await call(url, 'kv.txn', {
      compare: [{ key: 'a', target: 'exists', op: '=', value: true }],
      then: [{ op: 'put', key: 'b', value: 1 }],
      else: [{ put: { key: 'c', value: 1 } }, { get: { key: 'a' } }],
    })
    expect(node.calls[0]?.keys).toEqual(['a', 'b', 'c'])
  })

  test('what stands in the values of a transaction is the name of nothing', async () => {
    const { url, node } = await serve()
    const value = { feed: 'not a feed!', key: 'other' }
    const step = { op: 'put', key: 'a', value }
    const got = await call(url, 'kv.txn', { then: [step, { put: { key: 'b', value } }] })
    expect(got.error).toBeUndefined()
    expect(node.calls[0]?.keys).toEqual(['a', 'b'])
  })

  test('log.get of what is not there is null; log.read starts at the first kept', async () => {
    const { url } = await serve()
    await call(url, 'kv.put', ['k', 1])
    expect((await call(url, 'log.get', [1])).result.entry.op).toBe(1)
    expect((await call(url, 'log.get', [99])).result).toMatchObject({ entry: null, timeline: [] })
    expect((await call(url, 'log.read', { from: 0 })).result.entries).toHaveLength(1)
  })
})

describe('what a machine refuses', () => {
  test('COMPARE_FAILED is an error of kv.put, and none of kv.cas', async () => {
    const { url } = await serve()
    await call(url, 'kv.put', ['k', 1])
    const put = await call(url, 'kv.put', { key: 'k', value: 2, ifRev: 9 })
    expect(put.error).toMatchObject({
      code: 1001,
      data: { name: 'COMPARE_FAILED', outcome: 'none' },
    })
    const cas = await call(url, 'kv.cas', ['k', { rev: 9 }, 2])
    expect(cas.result.succeeded).toBe(false)
  })
})
