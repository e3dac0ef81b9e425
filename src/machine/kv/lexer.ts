/** The words of a `kv.apply` program, each with its place. */
import { Rejected } from '../machine.ts'

export interface Token {
  readonly type: 'key' | 'number' | 'sign' | 'end'
  /** The key itself, the number as written, or the sign. */
  readonly text: string
  /** Index of its first character, from 0. */
  readonly at: number
}

export function badProgram(message: string, at: number): Rejected {
  return new Rejected('BAD_PROGRAM', `${message} at position ${at + 1}`, { position: at + 1 })
}

const SPACE = /\s+/y
/** `-` and `/` are operators: a key that has them is quoted. */
const PLAIN_KEY = /[A-Za-z_][A-Za-z0-9_.:]*/y
const QUOTED_KEY = /`([^`]*)`|"((?:[^"\\]|\\.)*)"/y
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y
const SIGN = /[-+*/%]?=|[-+*/%();]/y

export function tokensOf(program: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < program.length) {
    const space = match(SPACE, program, at)
    if (space) {
      at += space[0].length
      continue
    }
    const [token, length] = tokenAt(program, at)
    tokens.push(token)
    at += length
  }
  tokens.push({ type: 'end', text: 'the end', at })
  return tokens
}

function tokenAt(program: string, at: number): [Token, number] {
  const number = match(NUMBER, program, at)
  if (number) {
    const length = number[0].length
    if (match(PLAIN_KEY, program, at + length)) {
      throw badProgram('a key that begins with a digit is written in backticks', at)
    }
    return [{ type: 'number', text: number[0], at }, length]
  }
  const plain = match(PLAIN_KEY, program, at)
  if (plain) return [{ type: 'key', text: plain[0], at }, plain[0].length]
  const quoted = match(QUOTED_KEY, program, at)
  if (quoted) {
    return [{ type: 'key', text: quoted[1] ?? unescaped(quoted[0], at), at }, quoted[0].length]
  }
  const sign = match(SIGN, program, at)
  if (sign) return [{ type: 'sign', text: sign[0], at }, sign[0].length]
  const char = String.fromCodePoint(program.codePointAt(at) ?? 0)
  if (char === '"' || char === '`') throw badProgram('a quoted key has no end', at)
  throw badProgram(`${JSON.stringify(char)} has no meaning here; other keys go in backticks,`, at)
}

/** Double quotes are JSON's. */
function unescaped(quoted: string, at: number): string {
  try {
    return String(JSON.parse(quoted))
  } catch {
    throw badProgram('a key in double quotes is written as in JSON; this one is not,', at)
  }
}

function match(pattern: RegExp, program: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(program)
}
