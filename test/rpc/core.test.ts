/** The core on its own: the letter of JSON-RPC 2.0, order within a batch, limits, errors. */
import { describe, expect, test } from 'vitest'
import { ViewstampError } from '../../src/base/errors.ts'
import { Core } from '../../src/rpc/core.ts'
import { LIMITS } from '../../src/rpc/limits.ts'
import type { Caller, Method } from '../../src/rpc/method.ts'
import { METHODS } from '../../src/rpc/methods/table.ts'
import { RpcMetrics } from '../../src/rpc/metrics.ts'
import { FakeNode } from './fake-node.ts'
import { brief, EXAMPLE_METHODS, EXAMPLES } from './specification.ts'

function setUp(methods: ReadonlyMap<string, Method> = METHODS, limits = LIMITS) {
  const node = new FakeNode()
  const logged: object[] = []
  const log = { info: () => {}, warn: () => {}, error: (fields: object) => logged.push(fields) }
  const metrics = new RpcMetrics()
  const core = new Core({ methods, limits, log, metrics })
  const handle = (message: unknown): Promise<string | undefined> => {
    const caller: Caller = { node, methods, sink: undefined, answered: undefined }
    const bytes = Buffer.isBuffer(message) ? message : textOf(message)
    return Promise.resolve(core.handle(bytes, caller))
  }
  const answer = async (message: unknown) => JSON.parse((await handle(message)) ?? 'null')
  return { node, core, handle, answer, logged, metrics }
}

const textOf = (message: unknown) =>
  Buffer.from(typeof message === 'string' ? message : JSON.stringify(message))
const one = (method: string, params?: unknown, id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
})

describe('specification §7', () => {
  test.each(EXAMPLES)('$title', async ({ request, answer }) => {
    const { handle } = setUp(EXAMPLE_METHODS)
    expect(brief(await handle(request))).toEqual(answer)
  })
})

describe('what servers get wrong', () => {
  test.each([0, '', 1.5, -1, 'é', null, 'x'.repeat(300)])('id %j is echoed exactly', async id => {
    const { answer } = setUp()
    const got = await answer(one('system.ping', undefined, id))
    expect(got.id).toBe(id)
    expect(got.result.pong).toBe(true)
    expect('error' in got).toBe(false)
  })

  test.each([{}, [], true, false])('id %j is no id', async id => {
    const { answer } = setUp()
    expect(await answer(one('system.ping', undefined, id))).toMatchObject({
      id: null,
      error: { code: -32600 },
    })
  })

  test('an id that is no finite number is no id', async () => {
    const { answer } = setUp()
    const got = await answer('{"jsonrpc":"2.0","id":1e999,"method":"system.ping"}')
    expect(got).toMatchObject({ id: null, error: { code: -32600 } })
  })

  test.each([
    { id: 1, method: 'system.ping' },
    { jsonrpc: '1.0', id: 1, method: 'system.ping' },
    { jsonrpc: 2, id: 1, method: 'system.ping' },
    { jsonrpc: '2.0', id: 1 },
    { jsonrpc: '2.0', id: 1, method: null },
    { jsonrpc: '2.0', id: 1, method: 'system.ping', params: 'text' },
    { jsonrpc: '2.0', id: 1, method: 'system.ping', params: 5 },
  ])('%j is no request', async request => {
    const { answer } = setUp()
    expect(await answer(request)).toMatchObject({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32600, data: { name: 'INVALID_REQUEST', outcome: 'none', retryable: false } },
    })
  })

  test.each(['1', '"text"', 'null', 'true'])('%s is no request', async text => {
    const { answer } = setUp()
    expect(await answer(text)).toMatchObject({ id: null, error: { code: -32600 } })
  })

  test('params may be null', async () => {
    const { answer } = setUp()
    expect((await answer(one('system.ping', null))).result.pong).toBe(true)
  })

  test('an undefined result is null', async () => {
    const { answer } = setUp(EXAMPLE_METHODS)
    expect(await answer(one('update', [1]))).toEqual({ jsonrpc: '2.0', id: 1, result: null })
  })

  test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'then', ''])(
    'there is no method %j',
    async name => {
      const { answer } = setUp()
      expect(await answer(one(name))).toMatchObject({ id: 1, error: { code: -32601 } })
    },
  )

  test.each([
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from([0xc0, 0x80]),
    Buffer.from(''),
    Buffer.from('\ufeff{}'),
    Buffer.from('{"jsonrpc":"2.0"} x'),
  ])('%j is not JSON', async bytes => {
    const { answer } = setUp()
    expect(await answer(bytes)).toMatchObject({ id: null, error: { code: -32700 } })
  })

  test('duplicate ids in a batch are all answered', async () => {
    const { answer } = setUp()
    const got = await answer([7, 7, 7].map(id => one('kv.incr', { key: 'a' }, id)))
    expect(got.map((each: { result: { value: number } }) => each.result.value)).toEqual([1, 2, 3])
  })

  test('a notification gets no answer, not even for a wrong argument', async () => {
    const { handle, node } = setUp()
    expect(await handle({ jsonrpc: '2.0', method: 'kv.put', params: { key: 5 } })).toBeUndefined()
    expect(await handle({ jsonrpc: '2.0', method: 'kv.put', params: ['a', 1] })).toBeUndefined()
    expect(node.calls).toHaveLength(1)
  })

  test('a member named __proto__ gives no request its members', async () => {
    const { answer } = setUp()
    const text = '{"__proto__":{"jsonrpc":"2.0","method":"system.ping","id":1}}'
    expect(await answer(text)).toMatchObject({ id: null, error: { code: -32600 } })
  })
})

describe('a batch', () => {
  test('a read sees the writes before it and none behind it', async () => {
    const { answer } = setUp()
    const got = await answer([
      one('kv.get', ['k']),
      one('kv.put', ['k', 1]),
      one('kv.put', ['k', 2]),
      one('kv.get', ['k']),
      one('kv.put', ['k', 3]),
      one('kv.get', ['k']),
    ])
    const values = [got[0], got[3], got[5]].map(each => each.result.kv?.value)
    expect(values).toEqual([undefined, 2, 3])
  })

  test('writes are handed over in order without waiting for each other', async () => {
    const { node, handle } = setUp()
    let open = () => {}
    node.gate = new Promise(resolve => {
      open = resolve
    })
    const reply = handle([one('kv.put', ['a', 1]), one('kv.put', ['b', 1]), one('kv.get', ['a'])])
    await Promise.resolve()
    expect(node.calls.map(call => call.keys[0])).toEqual(['a', 'b'])
    open()
    await reply
    expect(node.calls).toHaveLength(3)
  })

  test('a notification in between is executed in its place', async () => {
    const { answer } = setUp()
    const put = { jsonrpc: '2.0', method: 'kv.put', params: ['n', 9] }
    const got = await answer([put, one('kv.get', ['n'])])
    expect(got).toHaveLength(1)
    expect(got[0].result.kv.value).toBe(9)
  })

  test('one call more than the limit: one error, none executed', async () => {
    const { answer, node } = setUp(METHODS, { ...LIMITS, batch: 3 })
    expect(await answer(Array(3).fill(one('kv.put', ['a', 1])))).toHaveLength(3)
    node.calls.length = 0
    expect(await answer(Array(4).fill(one('kv.put', ['a', 1])))).toMatchObject({
      id: null,
      error: { code: -32007, data: { name: 'BATCH_TOO_LARGE', limit: 3, outcome: 'none' } },
    })
    expect(node.calls).toEqual([])
  })

  test('200 000 elements are refused before they are parsed', async () => {
    const { answer } = setUp()
    const many = `[${'1,'.repeat(199_999)}1]`
    expect((await answer(many)).error.code).toBe(-32007)
  })

  test('commas within calls do not count', async () => {
    const { answer } = setUp(METHODS, { ...LIMITS, batch: 2 })
    const keys = { keys: ['a,b', 'c"],[', 'd\\",,'] }
    expect(await answer([one('kv.getMany', keys), one('kv.getMany', keys)])).toHaveLength(2)
  })
})

describe('limits', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  const put = (value: string) =>
    `{"jsonrpc":"2.0","id":1,"method":"kv.put","params":{"key":"d","value":${value}}}`

  test('a call is nested up to the limit, its own object and params included', async () => {
    const { answer } = setUp()
    expect((await answer(put(nested(30)))).result.rev).toBe(1)
    expect((await answer(`[${put(nested(30))}]`))[0].result.rev).toBe(2)
    expect((await answer(put(nested(31)))).error).toMatchObject({
      code: -32006,
      data: { limit: 32, outcome: 'none' },
    })
    expect((await answer(`[${put(nested(31))}]`)).error.code).toBe(-32006)
  })

  test.each([100_000, 1_000_000])('%i brackets are refused', async depth => {
    const { answer } = setUp()
    expect((await answer(put(nested(depth)))).error.code).toBe(-32006)
    expect((await answer('['.repeat(depth))).error.code).toBe(-32006)
  })

  test('brackets in strings are text', async () => {
    const { answer } = setUp()
    const value = `${'['.repeat(100)}"\\${'{'.repeat(100)}`
    expect((await answer(one('kv.put', ['s', value]))).result.rev).toBe(1)
    expect((await answer(one('kv.get', ['s']))).result.kv.value).toBe(value)
  })

  test('more calls than may be under way are refused, with nothing done', async () => {
    const { answer, handle, node, core } = setUp(METHODS, { ...LIMITS, inFlight: 2 })
    let open = () => {}
    node.gate = new Promise(resolve => {
      open = resolve
    })
    const first = [handle(one('kv.put', ['a', 1])), handle(one('kv.put', ['b', 1]))]
    expect(core.inFlight).toBe(2)
    const refused = { code: -32005, data: { name: 'OVERLOADED', outcome: 'none', retryable: true } }
    expect((await answer(one('kv.put', ['c', 1], 9))).error).toMatchObject(refused)
    const batch = await answer([one('kv.put', ['c', 1]), one('system.ping')])
    expect(batch[0].error.code).toBe(-32005)
    expect(batch[1].result.pong).toBe(true)
    open()
    await Promise.all(first)
    await core.idle()
    expect(node.calls.map(call => call.keys[0])).toEqual(['a', 'b'])
    expect((await answer(one('kv.put', ['c', 1]))).result.rev).toBe(3)
  })

  test('a full node refuses by the first bytes of a call, as it would by all of it', async () => {
    const { handle, node, metrics } = setUp(METHODS, { ...LIMITS, inFlight: 1 })
    let open = () => {}
    node.gate = new Promise(resolve => {
      open = resolve
    })
    const first = handle(one('kv.put', ['a', 1]))
    const told = async (text: string) => JSON.parse((await handle(text)) ?? 'null')
    const head = '{"jsonrpc":"2.0",'
    const refused = { error: { code: -32005, data: { name: 'OVERLOADED', outcome: 'none' } } }
    for (const id of [0, 123456789012345, '', 'a-b:c_1.2', 'an id with spaces', null, 1.5]) {
      const text = `${head}"id":${JSON.stringify(id)},"method":"kv.put","params":["c",1]}`
      expect(await told(text)).toMatchObject({ jsonrpc: '2.0', id, ...refused })
      expect(await told(` ${text}`)).toMatchObject({ id, ...refused })
    }
    expect(await told(`${head}"method":"kv.put","params":["c",1]}`)).toBe(null)
    expect(await told(`${head}"id":7,"method":"system.ping"}`)).toMatchObject({ id: 7, result: {} })
    expect(await told(`${head}"id":7,"method":"kv.pat"}`)).toMatchObject({
      error: { code: -32601 },
    })
    // What does not go on as a call: nobody looked.
    expect(await told(`${head}"id":7,"method":"kv.put","params":[}`)).toMatchObject(refused)
    open()
    await first
    expect(node.calls).toHaveLength(1)
    expect(metrics.text()).toContain('rpc_requests_total{method="kv.put",code="-32005"} 16')
  })

  test('a batch larger than what may be under way is let in when nothing else is', async () => {
    const { answer } = setUp(METHODS, { ...LIMITS, inFlight: 2 })
    const got = await answer(Array(5).fill(one('kv.incr', ['i'])))
    expect(got.at(-1).result.value).toBe(5)
  })
})

describe('errors', () => {
  test('an unknown throw tells nothing of itself; the log has it', async () => {
    const { answer, node, logged } = setUp()
    node.failNext = new TypeError('secret of the house')
    const { error } = await answer(one('kv.put', ['a', 1]))
    expect(error.data).toEqual({ name: 'INTERNAL', retryable: false, outcome: 'unknown' })
    expect(JSON.stringify(error)).not.toContain('secret')
    expect(JSON.stringify(logged)).toContain('secret of the house')
  })

  test('the outcome of a write is what the node says', async () => {
    const { answer, node } = setUp()
    node.failNext = new ViewstampError('NO_QUORUM', 'no quorum', { outcome: 'none' })
    expect((await answer(one('kv.put', ['a', 1]))).error.data.outcome).toBe('none')
    node.failNext = new ViewstampError('TIMEOUT', 'late')
    const { error } = await answer(one('kv.put', ['a', 1]))
    expect(error).toMatchObject({ code: -32003, data: { outcome: 'unknown', retryable: true } })
  })

  test('nothing is unknown about a read', async () => {
    const { answer, node } = setUp()
    node.read = () => Promise.reject(new ViewstampError('TIMEOUT', 'late'))
    expect((await answer(one('kv.get', ['a']))).error.data.outcome).toBe('none')
    node.read = () => Promise.reject(new Error('bug'))
    const { error } = await answer(one('kv.get', ['a']))
    expect(error).toMatchObject({ code: -32603, data: { outcome: 'none' } })
  })

  test('a method that throws at once is an answer too', async () => {
    const { answer, node } = setUp()
    node.header = () => {
      throw new Error('bug')
    }
    expect((await answer(one('system.ping'))).error.code).toBe(-32603)
  })

  test('calls are counted by method and code, unknown ones without their name', async () => {
    const { answer, metrics } = setUp()
    await answer(one('system.ping'))
    await answer(one('kv.get', []))
    await answer(one('no"such\nmethod'))
    const lines = metrics.text().split('\n')
    expect(lines).toContain('viewstamp_rpc_requests_total{method="system.ping",code="ok"} 1')
    expect(lines).toContain('viewstamp_rpc_requests_total{method="kv.get",code="-32602"} 1')
    expect(lines).toContain('viewstamp_rpc_requests_total{method="unknown",code="-32601"} 1')
    expect(lines).toContain('viewstamp_rpc_duration_seconds_count{method="kv.get"} 1')
    expect(metrics.text()).not.toContain('such')
  })
})
