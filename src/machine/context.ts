/** What a user's `apply` is given beside state and command, and what its throws mean. */
import type { Json } from '../base/json.ts'
import { Prng } from '../base/prng.ts'
import type { MachineContext } from './define.ts'
import type { ApplyContext } from './machine.ts'
import { Rejected } from './machine.ts'
import { whyNotPlain } from './plain.ts'

const REASON_CHARS_MAX = 500
const DATA_CHARS_MAX = 65_536
const RECORD_CHARS_MAX = 2 * 1024 * 1024

/** `records` gets what is published. */
export function contextFor(
  machine: string,
  context: ApplyContext,
  records: Json[] = [],
): MachineContext {
  let prng: Prng | undefined
  return {
    op: context.opNumber,
    rev: context.rev,
    timeMs: context.timeMs,
    session: context.session,
    correlationId: context.correlationId,
    random() {
      prng ??= new Prng(`${machine}/${context.rev}`)
      return prng.float()
    },
    publish(feed, value, more) {
      const record = { ...more, feed, value }
      const fault = whyNotPlain(record, RECORD_CHARS_MAX)
      if (fault) throw new Error(`what is published to ${shortened(feed)} is not JSON: ${fault}`)
      // A copy: the value may be part of the state, which goes on.
      const copy: Json = JSON.parse(JSON.stringify(record))
      records.push(copy)
    },
    reject(name, data) {
      throw rejection(machine, name, data)
    },
  }
}

function rejection(machine: string, name: string, data: Json | undefined): Rejected {
  const reason = shortened(name)
  const message = `${machine} refuses: ${reason}`
  if (data === undefined) return new Rejected('APP_REJECTED', message, { reason })
  const fault = whyNotPlain(data, DATA_CHARS_MAX)
  if (fault) return new Rejected('APP_REJECTED', `${message} (data left out: ${fault})`, { reason })
  // A copy: the state that it may be part of is dropped or changed before the answer is written.
  const copy: Json = JSON.parse(JSON.stringify(data))
  return new Rejected('APP_REJECTED', message, { reason, data: copy })
}

/** Messages of errors that the engine throws differ between its versions: only their names are told. */
const ENGINE_ERRORS = [TypeError, RangeError, ReferenceError, SyntaxError, URIError, EvalError]

export function refusalOf(machine: string, error: unknown): Rejected {
  if (error instanceof Rejected) return error
  const engine = ENGINE_ERRORS.find(type => error instanceof type)
  let why = 'threw something that is no Error'
  if (engine) why = `failed with ${engine.name}`
  else if (error instanceof Error) why = `failed: ${shortened(error.message)}`
  return new Rejected(
    'APP_REJECTED',
    `${machine} ${why}`,
    { reason: 'FAILED' },
    { cause: error ?? 'undefined' },
  )
}

function shortened(text: string): string {
  const whole = String(text)
  return whole.length > REASON_CHARS_MAX
    ? `${whole.slice(0, REASON_CHARS_MAX).toWellFormed()}…`
    : whole
}
