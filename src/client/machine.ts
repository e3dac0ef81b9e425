/** c.sm: commands and questions to state machines of the cluster's own. */
import type { Json } from '../base/json.ts'
import type { CallOptions } from './caller.ts'
import { type CallMethod, callWith, type Result } from './method-call.ts'

export class Machines {
  readonly #call: CallMethod

  constructor(call: CallMethod) {
    this.#call = call
  }

  list(options: CallOptions = {}): Promise<Result<'sm.list'>> {
    return callWith(this.#call, 'sm.list', {}, options)
  }

  /** Through the log. What the machine rejects is a ViewstampError with its name in `data.reason`. */
  submit(machine: string, command: Json, options: CallOptions = {}): Promise<Result<'sm.submit'>> {
    return callWith(this.#call, 'sm.submit', { machine, command }, options)
  }

  query(machine: string, command: Json, options: CallOptions = {}): Promise<Result<'sm.query'>> {
    return callWith(this.#call, 'sm.query', { machine, command }, options)
  }
}
