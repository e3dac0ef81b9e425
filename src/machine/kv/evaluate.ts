/** `kv.apply`: a program over the numbers in the store, all of it or nothing. */
import { unreachable } from '../../base/assert.ts'
import type { Json, JsonObject } from '../../base/json.ts'
import { Rejected } from '../machine.ts'
import { invalid } from '../member.ts'
import { checkedNumber, nameOf, numberAt } from './number.ts'
import type { Expression, Operator, Statement } from './program.ts'
import { parseProgram } from './program.ts'
import type { Work } from './work.ts'

/** Each key that was assigned changes once, to its last value, and keeps its time to live. */
export function apply(work: Work, command: JsonObject): Json {
  const { program } = command
  if (typeof program !== 'string') throw invalid('program', 'program must be a string')
  const values = new Map<string, number>()
  for (const statement of parseProgram(program)) assign(work, values, statement)
  for (const [key, value] of values) {
    const expiresMs = work.get(key)?.expiresMs ?? 0
    work.put(key, { value, text: JSON.stringify(value), expiresMs })
  }
  return { values: Object.fromEntries(values), rev: work.rev }
}

function assign(work: Work, values: Map<string, number>, { key, value }: Statement): void {
  const read = (name: string): number => {
    const known = values.get(name)
    if (known !== undefined) return known
    const record = work.get(name)
    if (record) return numberAt(name, record)
    throw new Rejected('NOT_A_NUMBER', `${nameOf(name)} does not exist: create it with = first`, {
      key: name,
    })
  }
  values.set(key, checkedNumber(evaluate(value, read), key))
}

function evaluate(expression: Expression, read: (key: string) => number): number {
  switch (expression.type) {
    case 'number':
      return expression.value
    case 'key':
      return read(expression.key)
    case 'negative':
      return -evaluate(expression.of, read)
    case 'binary': {
      const left = evaluate(expression.left, read)
      return combine(expression.operator, left, evaluate(expression.right, read))
    }
    default:
      return unreachable(expression)
  }
}

function combine(operator: Operator, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
    case '%':
      if (right === 0) throw new Rejected('OUT_OF_RANGE', `${left} ${operator} 0: division by zero`)
      return operator === '/' ? left / right : left % right
    default:
      return unreachable(operator)
  }
}
