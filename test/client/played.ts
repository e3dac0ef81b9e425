/** Daemons that a test plays itself: what each says to a call, without a network. */
import { connect } from '../../src/client/client.ts'
import type { Client, ClientOptions } from '../../src/client/connect.ts'
import { connectionLost, noAnswer, unreachable } from '../../src/client/error.ts'
import type { HttpRequest, Transport } from '../../src/client/transport.ts'

export interface Call {
  readonly endpoint: string
  readonly method: string
  // biome-ignore lint/suspicious/noExplicitAny: what was asked is looked into freely
  readonly params: any
}

/** A result, an error of the contract by name, or what can happen on the way. */
export type Reply =
  | { readonly result: object }
  | { readonly error: string; readonly code?: number; readonly data?: object }
  | 'refused'
  | 'lost'
  | 'late'
  | 'silent'

export class Played {
  readonly calls: Call[] = []
  reply: (call: Call, n: number) => Reply | Promise<Reply>

  constructor(reply: Played['reply']) {
    this.reply = reply
  }

  get methods(): readonly string[] {
    return this.calls.map(({ method }) => method)
  }

  readonly transport: Transport = async request => {
    const { id, method, params } = JSON.parse(request.body)
    const call = { endpoint: request.endpoint, method, params }
    this.calls.push(call)
    const reply = await this.reply(call, this.calls.length)
    if (reply === 'refused') throw unreachable(request.endpoint, new Error('refused'))
    if (reply === 'lost') throw connectionLost(request.endpoint, new Error('reset'))
    if (reply === 'late') throw noAnswer(request.endpoint, request.timeoutMs)
    if (reply === 'silent') return silence(request)
    const body = 'result' in reply ? reply : { error: errorOf(reply) }
    return { status: 200, text: JSON.stringify({ jsonrpc: '2.0', id, ...body }) }
  }

  client(
    options: ClientOptions = {},
    endpoints: readonly string[] = ['http://a.example:1'],
  ): Client {
    return connect(endpoints, { transport: this.transport, ...options })
  }
}

/** Nothing comes until the time is over or the signal ends it. */
function silence({ endpoint, timeoutMs, signal }: HttpRequest): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(noAnswer(endpoint, timeoutMs)), timeoutMs)
    signal?.addEventListener('abort', () => reject(connectionLost(endpoint, signal.reason)))
  })
}

function errorOf({ error, code = -32000, data }: Exclude<Reply, string | { result: object }>) {
  const facts = { name: error, retryable: false, outcome: 'none', ...data }
  return { code, message: `${error} it is`, data: facts }
}

export const HEADER = {
  cluster: 'c',
  node: 'n1',
  shard: 'main',
  epoch: 0,
  view: 1,
  op: 5,
  commit: 5,
  primary: 'n1',
  timeMs: 1,
}

export const ok = (result: object = {}): Reply => ({ result: { ...result, header: HEADER } })

/** The error that a call ends with; «no error»: it did not fail. */
export const failure = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'no error',
    (error: unknown) => error,
  )
