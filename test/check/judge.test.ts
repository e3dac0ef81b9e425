import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Json } from '../../src/base/json.ts'
import { Prng } from '../../src/base/prng.ts'
import { explain } from '../../src/check/explain.ts'
import { formatOp, parseHistory, type RecordedOp, type Workload } from '../../src/check/history.ts'
import { judge } from '../../src/check/judge.ts'

let nextClient = 0

/** `register a  1 … 4  put 5 → 7  ok`, as an object. */
function op(
  workload: Workload,
  [called, returned]: readonly [number, number | null],
  name: string,
  args: readonly Json[],
  more: Partial<RecordedOp> = {},
): RecordedOp {
  const client = nextClient++ % 16
  return { workload, client, key: 'a', op: name, args, called, returned, status: 'ok', ...more }
}
const info = { status: 'info', outcome: 'unknown' } as const
const fail = { status: 'fail', outcome: 'none' } as const
const append = (at: readonly [number, number | null], element: string, more = {}) =>
  op('append', at, 'append', [element], more)
const list = (at: readonly [number, number], ...result: readonly string[]) =>
  op('append', at, 'get', [], { result })

const BAD: readonly (readonly [string, RegExp, readonly RecordedOp[]])[] = [
  ['append: lost', /misses/, [append([1, 2], 'x'), list([3, 4])]],
  [
    'append: lost, though the list went on',
    /misses/,
    [append([1, 2], 'x'), append([1, 2], 'y'), list([3, 4], 'y')],
  ],
  ['append: a stale read', /misses/, [append([1, 2], 'x'), list([3, 4], 'x'), list([5, 6])]],
  ['append: twice', /twice/, [append([1, 2], 'x'), list([3, 4], 'x', 'x')]],
  [
    'append: two orders',
    /different orders/,
    [append([1, 9], 'x'), append([1, 9], 'y'), list([3, 4], 'x'), list([5, 6], 'y', 'x')],
  ],
  [
    'append: against the order in time',
    /out of order/,
    [append([1, 2], 'x'), append([3, 4], 'y'), list([5, 6], 'y', 'x')],
  ],
  ['append: a phantom', /nobody/, [append([1, 2], 'x'), list([3, 4], 'x', 'z')]],
  ['append: not done, and there', /not done/, [append([1, 2], 'x', fail), list([3, 4], 'x')]],
  ['append: from the future', /later/, [list([1, 2], 'x'), append([3, 4], 'x')]],
  [
    'bank: money is made',
    /hold 19, not 18/,
    [op('bank', [1, 2], 'open', [[9, 9]]), op('bank', [3, 4], 'get', [], { result: [10, 9] })],
  ],
  [
    'bank: a snapshot of two moments',
    /no order/,
    [
      op('bank', [1, 2], 'open', [[9, 9]]),
      op('bank', [3, 4], 'transfer', [0, 9, 1, 9, 1], { result: true }),
      op('bank', [5, 6], 'get', [], { result: [9, 9] }),
    ],
  ],
  [
    'counter: lost',
    /no order/,
    [
      op('counter', [1, 2], 'incr', [1], info),
      op('counter', [3, 4], 'incr', [1], { result: 1 }),
      op('counter', [5, 6], 'incr', [1], { result: 2 }),
      op('counter', [7, 8], 'get', [], { result: 1 }),
    ],
  ],
  [
    'counter: more than was ever asked for',
    /no order/,
    [
      op('counter', [1, null], 'incr', [1], info),
      op('counter', [3, 4], 'incr', [1], { result: 1 }),
      op('counter', [7, 8], 'get', [], { result: 3 }),
    ],
  ],
  [
    'register: said to be not done, and seen',
    /no order/,
    [op('register', [1, 2], 'put', [1], fail), op('register', [3, 4], 'get', [], { result: 1 })],
  ],
  [
    'register: said to be done, and not seen',
    /no order/,
    [
      op('register', [1, 2], 'put', [1], { status: 'info', outcome: 'applied' }),
      op('register', [3, 4], 'get', [], { result: null }),
    ],
  ],
  [
    'revs: two writes with one',
    /same rev/,
    [
      op('register', [1, 5], 'put', [1], { rev: 7 }),
      op('register', [2, 6], 'put', [2], { rev: 7 }),
    ],
  ],
  [
    'revs: a later write has a smaller one',
    /smaller rev/,
    [
      op('register', [1, 2], 'put', [1], { rev: 7 }),
      op('counter', [3, 4], 'incr', [1], { rev: 6, result: 1 }),
    ],
  ],
  [
    'revs: another value than was written at it',
    /written at its rev/,
    [
      op('register', [1, 9], 'put', [1], { rev: 7 }),
      op('register', [1, 9], 'put', [2], { rev: 8 }),
      op('register', [2, 8], 'get', [], { result: 2, rev: 7 }),
    ],
  ],
]

test.each(BAD)('bad: %s', (_name, what, ops) => {
  const judgement = judge(ops)
  expect(judgement.verdict).toBe('bad')
  expect(judgement.problems.map(problem => problem.what).join()).toMatch(what)
})

const GOOD: readonly (readonly [string, readonly RecordedOp[]])[] = [
  [
    'an append nobody heard of may be there or not',
    [
      append([1, null], 'x', info),
      append([1, null], 'y', info),
      append([2, 3], 'z'),
      list([4, 5], 'z'),
      list([6, 7], 'z', 'y'),
    ],
  ],
  ['two appended at once', [append([1, 4], 'x'), append([2, 3], 'y'), list([3, 9], 'x', 'y')]],
  [
    'a counter whose retried additions were done or not',
    [
      op('counter', [1, null], 'incr', [1], info),
      op('counter', [1, null], 'incr', [1], info),
      op('counter', [3, 4], 'incr', [1], { result: 2 }),
      op('counter', [7, 8], 'get', [], { result: 3 }),
    ],
  ],
  [
    'revs in the order of time, of each shard for itself',
    [
      op('register', [1, 2], 'put', [1], { rev: 7 }),
      op('register', [3, 4], 'put', [2], { rev: 3, shard: 's1' }),
      op('register', [3, 4], 'put', [3], { rev: 8 }),
      op('register', [5, 6], 'get', [], { result: 3, rev: 8 }),
    ].map((each, i) => (i === 1 ? { ...each, key: 'b' } : each)),
  ],
]

test.each(GOOD)('good: %s', (_name, ops) => {
  expect(judge(ops)).toMatchObject({ verdict: 'ok', problems: [] })
})

/** Registers as they should be; every operation takes effect at a moment of its own. */
function soundHistory(seed: number, n: number): RecordedOp[] {
  const prng = new Prng(seed)
  const values = new Map<string, Json>()
  let time = 0
  return Array.from({ length: n }, (_, i) => {
    const key = `k${prng.int(0, 3)}`
    const at = [time, time + 3 + prng.float() * 4] as const
    time += 1
    const name = prng.pick(['get', 'put', 'put', 'cas'])
    const before = values.get(key) ?? null
    if (name === 'get') return op('register', at, name, [], { key, result: before })
    if (name === 'put') values.set(key, i)
    const expected = prng.chance(0.5) ? before : -1
    if (name === 'cas' && expected === before) values.set(key, i)
    if (name === 'put') return op('register', at, name, [i], { key })
    return op('register', at, name, [expected, i], { key, result: expected === before })
  })
}

test('of a long history with one stale read the smallest part is shown', () => {
  const history = soundHistory(1, 2_000)
  expect(judge(history).verdict).toBe('ok')
  const key = 'k1'
  const writes = history.filter(each => each.key === key && each.op === 'put')
  const [old, young] = [writes[100], writes[102]]
  const end = history.at(-1)?.returned ?? 0
  const stale = op('register', [end + 1, end + 2], 'get', [], { key, result: old?.args[0] ?? null })
  expect(young).toBeDefined()
  const [problem, ...others] = judge([...history, stale]).problems
  expect(others).toEqual([])
  expect(problem?.ops).toContain(stale)
  expect(problem?.ops).toContain(old)
  expect(problem?.ops.length).toBeLessThanOrEqual(3)
  expect(judge(problem?.ops ?? []).verdict).toBe('bad')
})

test('the smallest part in lines for people', () => {
  const history = [
    op('register', [10, 12], 'put', ['x'], { rev: 4, node: 'n1', client: 1 }),
    op('register', [13, 14], 'get', [], { result: 'x', rev: 4, client: 2 }),
    op('register', [15, 20], 'put', ['y'], { rev: 5, node: 'n2', client: 1 }),
    op('register', [25, null], 'put', ['z'], { ...info, error: 'TIMEOUT', client: 1 }),
    op('register', [30, 34], 'get', [], { result: 'x', node: 'n3', client: 2 }),
  ]
  const [problem] = judge(history).problems
  expect(problem && explain(problem)).toBe(
    [
      'register a: no order of these operations gives these results',
      '    c1            10.0 … 12.0  ├─┤                        put "x"    n1 rev 4',
      '    c1            15.0 … 20.0       ├────┤                put "y"    n2 rev 5',
      '    c2            30.0 … 34.0                     ├───┤   get → "x"  n3',
    ].join('\n'),
  )
})

test('a history goes through its text form', () => {
  const history = soundHistory(2, 50)
  expect(parseHistory(history.map(formatOp).join('\n'))).toEqual(history)
})

test('the example of docs/check.md is a history, and a good one', () => {
  const page = readFileSync(new URL('../../docs/check.md', import.meta.url), 'utf8')
  const [, example = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? []
  const history = parseHistory(example)
  expect(history.length).toBe(3)
  expect(judge(history).verdict).toBe('ok')
})

test.each([
  ['{', 'line 1 of the history: is no JSON'],
  ['\n[]', 'line 2 of the history: must be an object'],
  ['{"workload":"x"}', 'workload must be one of register, counter, append, bank'],
  ['{"workload":"bank","op":"put"}', 'op must be one of get, open, transfer'],
])('%s is refused', (text, why) => {
  expect(() => parseHistory(text)).toThrow(why)
})

test('a wrong member is named', () => {
  const good = op('register', [1, 2], 'put', [1])
  const broken: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ client: 'x' }, /client/],
    [{ key: 1 }, /key/],
    [{ args: {} }, /args/],
    [{ called: null }, /called/],
    [{ returned: 'x' }, /returned/],
    [{ returned: 0 }, /before/],
    [{ returned: null }, /has returned/],
    [{ status: 'done' }, /status/],
    [{ outcome: 'maybe' }, /outcome/],
    [{ rev: 1.5 }, /rev/],
  ]
  for (const [change, why] of broken) {
    expect(() => parseHistory(JSON.stringify({ ...good, ...change }))).toThrow(why)
  }
})
