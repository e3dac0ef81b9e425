/** c.kv: keys and values. Results are those of docs/rpc.md. */
import type { Json } from '../base/json.ts'
import type { CallOptions } from './caller.ts'
import {
  type CallMethod,
  callWith,
  type Options,
  type Params,
  type Result,
  split,
} from './method-call.ts'
import type { KeyValue } from './methods/index.ts'
import type { Watcher } from './stream.ts'
import { type WatchEvent, watchKeys } from './watch.ts'

/** Which keys; none of them: all. */
export interface Span {
  readonly prefix?: string | undefined
  readonly start?: string | undefined
  readonly end?: string | undefined
}

export interface RangeOptions extends Span, CallOptions {
  /** At most so many keys; default: all. */
  readonly limit?: number | undefined
  /** So many are asked for at a time; the next are asked for when these are taken. */
  readonly page?: number | undefined
  readonly reverse?: boolean | undefined
  readonly keysOnly?: boolean | undefined
}

export interface WatchOptions extends Span, CallOptions {
  readonly key?: string | undefined
  /** A rev, `now` (default: the next change), `first` (the oldest kept), or a cursor (of several shards). */
  readonly from?: number | string | undefined
  /** With the value before each change. */
  readonly prev?: boolean | undefined
}

export type Expect = Params<'kv.cas'>['expect']
export type Transaction = Pick<Params<'kv.txn'>, 'compare' | 'then' | 'else'>

const PAGE = 100

export class Kv {
  readonly #call: CallMethod
  readonly #watcher: Watcher

  constructor(call: CallMethod, watcher: Watcher) {
    this.#call = call
    this.#watcher = watcher
  }

  /** `kv` is null where there is no such key. */
  get(key: string, options: CallOptions = {}): Promise<Result<'kv.get'>> {
    return callWith(this.#call, 'kv.get', { key }, options)
  }

  /** Several, as of one moment. */
  getMany(keys: readonly string[], options: CallOptions = {}): Promise<Result<'kv.getMany'>> {
    return callWith(this.#call, 'kv.getMany', { keys }, options)
  }

  put(
    key: string,
    value: Json,
    options: Options<'kv.put', 'key' | 'value'> = {},
  ): Promise<Result<'kv.put'>> {
    return callWith(this.#call, 'kv.put', { key, value }, options)
  }

  /** One key, or `{ prefix }`, or `{ start, end }`. */
  del(
    what: string | Span,
    options: Options<'kv.del', 'key' | 'prefix' | 'start' | 'end'> = {},
  ): Promise<Result<'kv.del'>> {
    const span = typeof what === 'string' ? { key: what } : split(what).params
    return callWith(this.#call, 'kv.del', span, options)
  }

  /** Sets the key if it is as expected; `undefined` for the value deletes it. `succeeded` says whether it was. */
  cas(
    key: string,
    expect: Expect,
    value: Json | undefined,
    options: CallOptions = {},
  ): Promise<Result<'kv.cas'>> {
    const set = value === undefined ? {} : { value }
    return callWith(this.#call, 'kv.cas', { key, expect, ...set }, options)
  }

  incr(
    key: string,
    by = 1,
    options: Options<'kv.incr', 'key' | 'by'> = {},
  ): Promise<Result<'kv.incr'>> {
    return callWith(this.#call, 'kv.incr', { key, by }, options)
  }

  /** `x+=2; y*=4; x=x+y` */
  apply(program: string, options: CallOptions = {}): Promise<Result<'kv.apply'>> {
    return callWith(this.#call, 'kv.apply', { program }, options)
  }

  /** All of `then` if all of `compare` hold, else all of `else`; at one rev. */
  txn(transaction: Transaction, options: CallOptions = {}): Promise<Result<'kv.txn'>> {
    return callWith(this.#call, 'kv.txn', split(transaction).params, options)
  }

  /** Keys in order. Each page is as of one moment, the whole is not. */
  async *range(options: RangeOptions = {}): AsyncGenerator<KeyValue> {
    for await (const { kvs } of this.pages(options)) yield* kvs
  }

  /** The same, as the answers of kv.range; the last one may hold less than was asked for. */
  async *pages(options: RangeOptions = {}): AsyncGenerator<Result<'kv.range'>> {
    const { limit = Number.POSITIVE_INFINITY, page = PAGE, ...rest } = options
    const { params, call } = split(rest)
    let left = limit
    let cursor: string | undefined
    while (left > 0) {
      const asked = {
        ...params,
        limit: Math.min(left, page),
        ...(cursor !== undefined && { cursor }),
      }
      const answer = await this.#call('kv.range', asked, call)
      yield answer
      left -= answer.kvs.length
      cursor = answer.more ? answer.cursor : undefined
      if (cursor === undefined) return
    }
  }

  count(options: Span & CallOptions = {}): Promise<Result<'kv.range'>> {
    return callWith(this.#call, 'kv.range', { countOnly: true }, options)
  }

  /** The last versions, newest first, as far as the log is kept. */
  history(key: string, options: Options<'kv.history', 'key'> = {}): Promise<Result<'kv.history'>> {
    return callWith(this.#call, 'kv.history', { key }, options)
  }

  /** Changes as they are committed: one key, or a span; over fail-overs, without a gap or a duplicate. */
  watch(what: string | WatchOptions, options: CallOptions = {}): AsyncGenerator<WatchEvent> {
    const { params, call } = split(typeof what === 'string' ? { key: what } : what)
    return watchKeys(this.#watcher, params, { ...call, ...options })
  }

  /** The same on every replica that has applied the same op. */
  hash(options: CallOptions = {}): Promise<Result<'kv.hash'>> {
    return callWith(this.#call, 'kv.hash', {}, options)
  }
}
