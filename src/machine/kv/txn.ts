/** `kv.txn`: if all compares hold, `then`, else `else`; later operations see what earlier ones did. */
import { unreachable } from '../../base/assert.ts'
import type { Json, JsonObject } from '../../base/json.ts'
import { Rejected } from '../machine.ts'
import { invalid, isJsonObject, listOf, objectOf } from '../member.ts'
import type { NamedCommand } from './command.ts'
import { keyMember, namedCommand } from './command.ts'
import { TXN_OPS_MAX } from './limits.ts'
import { get, range } from './read.ts'
import { valueIn } from './record.ts'
import { compareJson, equalJson } from './value.ts'
import type { Work } from './work.ts'
import { del, incr, put } from './write.ts'

/** Publishes all of them in this operation, or throws and publishes none. */
export type PublishAll = (records: readonly Json[]) => readonly Json[]

export function txn(work: Work, command: JsonObject, publish: PublishAll): Json {
  const compares = boundedList(command, 'compare')
  const branches = { then: stepsOf(command, 'then'), else: stepsOf(command, 'else') }
  // All are looked at, so that a malformed one is an error whatever the others say.
  const outcomes = compares.map((each, i) => at('compare', i, () => holds(work, each)))
  const succeeded = !outcomes.includes(false)
  const taken = succeeded ? 'then' : 'else'
  const results = branches[taken].map((step, i) => at(taken, i, () => perform(work, step)))
  publishLast(branches[taken], results, taken, publish)
  return { succeeded, results, rev: work.rev }
}

/** When everything else has succeeded: what is published cannot be taken back, what is put can. */
function publishLast(
  steps: readonly NamedCommand[],
  results: Json[],
  taken: 'then' | 'else',
  publish: PublishAll,
): void {
  const places = steps.flatMap(({ op }, i) => (op === 'publish' ? [i] : []))
  if (places.length === 0) return
  const records = places.map(i => recordOf(steps[i]?.command ?? {}))
  try {
    for (const [n, result] of publish(records).entries()) results[places[n] ?? 0] = result
  } catch (error) {
    throw error instanceof Rejected ? inStep(error, taken, places) : error
  }
}

/** Members that are not known are kept in the record: `op` is none of them. */
function recordOf({ op: _, ...record }: JsonObject): JsonObject {
  return record
}

/** The feeds know only of the records; the caller wants to know which step it was. */
function inStep(error: Rejected, taken: string, places: readonly number[]): Rejected {
  const data = isJsonObject(error.data) ? error.data : {}
  const path = typeof data['path'] === 'string' ? data['path'] : ''
  const [, number, inner = ''] = /^records\[(\d+)\](.*)$/.exec(path) ?? [undefined, '0', `.${path}`]
  const place = `${taken}[${places[Number(number)]}]`
  const message = `${place}: ${error.message.replace(/^records\[\d+\]: /, '')}`
  return new Rejected(error.errorName, message, {
    ...data,
    path: inner === '.' ? place : place + inner,
  })
}

function boundedList(command: JsonObject, name: string): readonly Json[] {
  const list = listOf(command, name)
  if (list.length <= TXN_OPS_MAX) return list
  throw new Rejected(
    'TXN_TOO_LARGE',
    `${name} has ${list.length} members, more than the limit of ${TXN_OPS_MAX}`,
    { limit: TXN_OPS_MAX, path: name },
  )
}

/** Both branches are checked, the one that is not taken too. */
function stepsOf(command: JsonObject, branch: 'then' | 'else'): NamedCommand[] {
  return boundedList(command, branch).map((json, i) =>
    at(branch, i, () => {
      const step = namedCommand(json)
      if (!STEPS.includes(step.op)) {
        throw invalid('op', `${step.op} does not go into a transaction: use ${STEPS.join(', ')}`)
      }
      return step
    }),
  )
}

const STEPS: readonly string[] = ['put', 'del', 'get', 'range', 'incr', 'publish']

function perform(work: Work, { op, command }: NamedCommand): Json {
  switch (op) {
    case 'put':
      return put(work, command)
    case 'del':
      return del(work, command)
    case 'get':
      return get(work, command)
    case 'range':
      return range(work, command)
    case 'publish':
      return null
    default:
      return incr(work, command)
  }
}

/** Says in which member of the transaction it went wrong. */
function at<T>(list: string, i: number, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    const data = isJsonObject(error.data) ? error.data : {}
    const inner = typeof data['path'] === 'string' ? `.${data['path']}` : ''
    const path = `${list}[${i}]${inner}`
    throw new Rejected(error.errorName, `${list}[${i}]: ${error.message}`, { ...data, path })
  }
}

type Comparison = '=' | '!=' | '<' | '>' | '<=' | '>='
const COMPARISONS: readonly Comparison[] = ['=', '!=', '<', '>', '<=', '>=']

/** An absent key has rev 0 and version 0, equals no value and is neither below nor above one. */
function holds(work: Work, json: Json): boolean {
  const compare = objectOf(json, 'compare')
  const now = work.get(keyMember(compare))
  const { target, value = true } = compare
  const op = COMPARISONS.find(known => known === (compare['op'] ?? '='))
  if (op === undefined) throw invalid('op', `op must be one of ${COMPARISONS.join(' ')}`)
  if (compare['value'] === undefined && target !== 'exists') {
    throw invalid('value', 'value is missing')
  }
  switch (target) {
    case 'exists':
      if (typeof value !== 'boolean' || (op !== '=' && op !== '!=')) {
        throw invalid('value', 'exists is compared by = or != with true or false')
      }
      return isOrdered(op, (now !== undefined) === value ? 0 : 1)
    case 'rev':
    case 'version':
    case 'createRev':
      if (typeof value !== 'number') throw invalid('value', `${target} is compared with a number`)
      return isOrdered(op, (now?.[target] ?? 0) - value)
    case 'value': {
      if (now === undefined) return op === '!='
      const stored = valueIn(now)
      if (op === '=' || op === '!=') return equalJson(stored, value) === (op === '=')
      return isOrdered(op, compareJson(stored, value))
    }
    default:
      throw invalid('target', 'target must be value, rev, version, createRev or exists')
  }
}

/** Whether `op` holds for two things whose order is `order`: below 0, 0, above 0, or none. */
function isOrdered(op: Comparison, order: number | undefined): boolean {
  if (order === undefined) return false
  switch (op) {
    case '=':
      return order === 0
    case '!=':
      return order !== 0
    case '<':
      return order < 0
    case '>':
      return order > 0
    case '<=':
      return order <= 0
    case '>=':
      return order >= 0
    default:
      return unreachable(op)
  }
}
