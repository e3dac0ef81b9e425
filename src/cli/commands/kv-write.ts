/** put, del, cas, incr, apply: each goes through the log, and says where it is in it. */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import type { Expect } from '../../client/exports.ts'
import type { Arguments, Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import type { Given } from '../given.ts'
import { readText } from '../input.ts'
import { UsageError } from '../usage-error.ts'
import { parseValue, printable, showValue } from '../value.ts'

export const put: Run = async (context, [key = '', text], given) => {
  const value = parseValue(text ?? (await readStandardInput()))
  const ttlMs = given.duration('ttl')
  const ifRev = given.integer('ifRev')
  const answer = await context.client().kv.put(key, value, {
    ttlMs,
    ifRev,
    ...(given.flag('ifAbsent') && { ifAbsent: true }),
    ...(given.flag('prev') && { prev: true }),
  })
  printWrite(context, answer, 'ok')
  return EXIT.ok
}

export const del: Run = async (context, [key], given) => {
  const prefix = given.text('prefix')
  if ((key === undefined) === (prefix === undefined)) {
    throw new UsageError('give a KEY to delete, or --prefix, and not both')
  }
  const ifRev = given.integer('ifRev')
  const answer = await context.client().kv.del(key ?? { prefix }, {
    ifRev,
    ...(given.flag('prev') && { prev: true }),
  })
  const { deleted } = answer
  printWrite(context, answer, `${deleted} deleted`)
  return deleted === 0 && key !== undefined ? EXIT.notFound : EXIT.ok
}

export const cas: Run = async (context, args, given) => {
  const { key, expect, value } = casParams(args, given)
  const answer = await context.client().kv.cas(key, expect, value)
  if (answer.succeeded) {
    printWrite(context, answer, 'ok')
    return EXIT.ok
  }
  const { current } = answer
  const found = current ? showValue(current.value ?? null) : 'no such key'
  const rev = current ? ` at rev ${current.rev}` : ''
  context.output.print({ whole: answer, people: () => '' })
  context.note(`not changed: ${printable(found)}${rev} is there`)
  return EXIT.compareFailed
}

interface Cas {
  readonly key: string
  readonly expect: Expect
  /** Undefined: delete. */
  readonly value: Json | undefined
}

/** KEY EXPECTED NEW, or KEY NEW with --rev or --absent; --delete stands for NEW. */
function casParams([key = '', ...values]: Arguments, given: Given): Cas {
  const rev = given.integer('rev')
  const absent = given.flag('absent') === true
  const texts = values.filter(text => text !== undefined)
  const expect: Expect | undefined =
    rev !== undefined ? { rev } : absent ? { absent: true } : undefined
  const expected = expect ?? { value: parseValue(take(texts, 'EXPECTED value, --rev or --absent')) }
  const value = given.flag('delete') ? undefined : parseValue(take(texts, 'NEW value or --delete'))
  if (texts.length > 0) throw new UsageError(`'${texts[0]}' is one argument too many`)
  return { key, expect: expected, value }
}

function take(texts: string[], what: string): string {
  const text = texts.shift()
  if (text === undefined) throw new UsageError(`give the ${what}`)
  return text
}

export const incr: Run = async (context, [key = '', by], given) => {
  const [init, min, max] = ['init', 'min', 'max'].map(name => optionalNumber(given, name))
  const step = by === undefined ? undefined : numberOf(by, 'BY')
  const answer = await context.client().kv.incr(key, step, { init, min, max })
  const value = String(answer.value)
  context.detail(place(answer))
  context.output.print({ whole: answer, raw: () => value, people: () => value })
  return EXIT.ok
}

export const apply: Run = async (context, [program = '']) => {
  const answer = await context.client().kv.apply(program)
  const values = Object.entries(answer.values)
  const lines = values.map(([key, value]) => `${key}=${showValue(value ?? null)}`)
  context.detail(place(answer))
  context.output.print({
    whole: answer,
    raw: () => lines.join('\n'),
    people: () => printable(lines.join('\n')),
  })
  return EXIT.ok
}

/** A write's answer: a word and its place in the log for people, rev and viewstamp in a pipe. */
export function printWrite(context: Context, answer: JsonObject, word: string): void {
  const { header, ...rest } = answer
  const { view, op } = isObject(header) ? (header as JsonObject) : {}
  const stamped = { ...rest, ...(op !== undefined && { view, op }) }
  context.output.print({
    whole: answer,
    items: [stamped as Json],
    people: () => `${word}  ${context.terminal.style(place(answer), 'dim')}`,
  })
}

function place(answer: JsonObject): string {
  const header = answer['header']
  const stamp = isObject(header) ? ` · view ${header['view']} op ${header['op']}` : ''
  return `rev ${answer['rev']}${stamp}`
}

function optionalNumber(given: Given, name: string): number | undefined {
  const text = given.text(name)
  return text === undefined ? undefined : numberOf(text, given.where(name))
}

function numberOf(text: string, what: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!Number.isFinite(value)) throw new UsageError(`${what} must be a number, not '${text}'`)
  return value
}

/** A value that is piped in; one final newline is the shell's, not the value's. */
async function readStandardInput(): Promise<string> {
  if (process.stdin.isTTY) throw new UsageError('give a VALUE, or pipe one in')
  const text = await readText('-')
  return text.replace(/\r?\n$/, '')
}
