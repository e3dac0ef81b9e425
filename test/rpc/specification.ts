/** The fifteen examples of the JSON-RPC 2.0 specification, section 7, in order. */
import { type Method, method } from '../../src/rpc/method.ts'
import { anything, may, must, number } from '../../src/rpc/schema.ts'

export interface Example {
  readonly title: string
  readonly request: string
  /** Ids with results or codes; undefined: nothing comes back. */
  readonly answer: unknown
}

const result = (id: unknown, value: unknown) => ({ jsonrpc: '2.0', result: value, id })
const error = (id: unknown, code: number) => ({ jsonrpc: '2.0', error: code, id })

export const EXAMPLES: readonly Example[] = [
  {
    title: 'positional parameters',
    request: '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
    answer: result(1, 19),
  },
  {
    title: 'positional parameters, the other way round',
    request: '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
    answer: result(2, -19),
  },
  {
    title: 'named parameters',
    request:
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
    answer: result(3, 19),
  },
  {
    title: 'named parameters in another order',
    request:
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
    answer: result(4, 19),
  },
  {
    title: 'a notification',
    request: '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}',
    answer: undefined,
  },
  {
    title: 'a notification of an unknown method',
    request: '{"jsonrpc": "2.0", "method": "foobar"}',
    answer: undefined,
  },
  {
    title: 'a call of a method that does not exist',
    request: '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
    answer: error('1', -32601),
  },
  {
    title: 'a call with invalid JSON',
    request: '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
    answer: error(null, -32700),
  },
  {
    title: 'a call with an invalid request object',
    request: '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
    answer: error(null, -32600),
  },
  {
    title: 'a batch with invalid JSON',
    request: `[
      {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
      {"jsonrpc": "2.0", "method"
    ]`,
    answer: error(null, -32700),
  },
  { title: 'an empty array', request: '[]', answer: error(null, -32600) },
  {
    title: 'an invalid batch that is not empty',
    request: '[1]',
    answer: [error(null, -32600)],
  },
  {
    title: 'an invalid batch',
    request: '[1,2,3]',
    answer: [error(null, -32600), error(null, -32600), error(null, -32600)],
  },
  {
    title: 'a batch',
    request: `[
      {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
      {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
      {"foo": "boo"},
      {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
      {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]`,
    answer: [
      result('1', 7),
      result('2', 19),
      error(null, -32600),
      error('5', -32601),
      result('9', ['hello', 5]),
    ],
  },
  {
    title: 'a batch of notifications only',
    request: `[
      {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]`,
    answer: undefined,
  },
]

/** What the examples call; some answer at once, some later. */
export const EXAMPLE_METHODS: ReadonlyMap<string, Method> = new Map(
  [
    method('subtract', {
      kind: 'write',
      doc: '',
      params: { minuend: must(number, ''), subtrahend: must(number, '') },
      positions: ['minuend', 'subtrahend'],
      result: {},
      run: async ({ minuend, subtrahend }) => minuend - subtrahend,
    }),
    method('sum', {
      kind: 'read',
      doc: '',
      params: { a: must(number, ''), b: must(number, ''), c: must(number, '') },
      positions: ['a', 'b', 'c'],
      result: {},
      run: async ({ a, b, c }) => a + b + c,
    }),
    method('get_data', { kind: 'free', doc: '', result: {}, run: () => ['hello', 5] }),
    ...['update', 'notify_hello', 'notify_sum'].map(name =>
      method(name, {
        kind: 'write',
        doc: '',
        params: { first: may(anything, '') },
        positions: ['first'],
        result: {},
        run: async () => undefined,
      }),
    ),
  ].map(each => [each.name, each]),
)

/** An answer's text with codes instead of whole error objects. */
export function brief(text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined
  const answer: Answer | Answer[] = JSON.parse(text)
  return Array.isArray(answer) ? answer.map(briefOne) : briefOne(answer)
}

interface Answer {
  readonly error?: { readonly code: number }
}

function briefOne(answer: Answer): unknown {
  return answer.error === undefined ? answer : { ...answer, error: answer.error.code }
}
