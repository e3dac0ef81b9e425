/** c.log: the log as the node that answers has it. */
import type { CallOptions } from './caller.ts'
import { type CallMethod, callWith, type Options, type Result, split } from './method-call.ts'

export interface LogOptions extends CallOptions {
  /** First op; default: the first that is kept. */
  readonly from?: number | undefined
  /** At most so many entries; default: to the end. */
  readonly limit?: number | undefined
  /** What was asked (default), what it changed, or both. */
  readonly as?: 'commands' | 'changes' | 'both' | undefined
}

export type LogEntry = Result<'log.read'>['entries'][number]

/** Entries asked for in one call. */
const PAGE = 1_000

export class Log {
  readonly #call: CallMethod

  constructor(call: CallMethod) {
    this.#call = call
  }

  info(options: CallOptions = {}): Promise<Result<'log.info'>> {
    return callWith(this.#call, 'log.info', {}, options)
  }

  /** Committed entries in order of op, to the end that the log has by then. */
  async *read(options: LogOptions = {}): AsyncGenerator<LogEntry> {
    const { limit = Number.POSITIVE_INFINITY, from, ...rest } = options
    const { params, call } = split(rest)
    let [next, left] = [from, limit]
    while (left > 0) {
      const asked = {
        ...params,
        limit: Math.min(left, PAGE),
        ...(next !== undefined && { from: next }),
      }
      const entries = (await this.#call('log.read', asked, call)).entries
      yield* entries
      const last = entries.at(-1)
      if (last === undefined) return
      next = last.op + 1
      left -= entries.length
    }
  }

  get(op: number, options: CallOptions = {}): Promise<Result<'log.get'>> {
    return callWith(this.#call, 'log.get', { op }, options)
  }

  verify(options: Options<'log.verify'> = {}): Promise<Result<'log.verify'>> {
    return callWith(this.#call, 'log.verify', {}, options)
  }
}
