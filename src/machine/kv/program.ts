/**
 * The little language of `kv.apply`: `x+=2; y*=4; x=x+y`.
 *
 *   program     statement { ";" statement }, empty statements allowed
 *   statement   key ("=" | "+=" | "-=" | "*=" | "/=" | "%=") sum
 *   sum         product { ("+" | "-") product }
 *   product     unary { ("*" | "/" | "%") unary }
 *   unary       ["-" | "+"] unary | number | key | "(" sum ")"
 *   key         letters, digits, _ . : not beginning with a digit; any other in `backticks` or "JSON"
 */
import { Rejected } from '../machine.ts'
import { keyOf } from './key.ts'
import type { Token } from './lexer.ts'
import { badProgram, tokensOf } from './lexer.ts'
import { PROGRAM_CHARS_MAX, PROGRAM_DEPTH_MAX, PROGRAM_STATEMENTS_MAX } from './limits.ts'

export type Operator = '+' | '-' | '*' | '/' | '%'

export type Expression =
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'key'; readonly key: string }
  | { readonly type: 'negative'; readonly of: Expression }
  | {
      readonly type: 'binary'
      readonly operator: Operator
      readonly left: Expression
      readonly right: Expression
    }

export interface Statement {
  readonly key: string
  /** `x += e` stands here as `x = x + e`. */
  readonly value: Expression
}

/** Throws BAD_PROGRAM with the position, or TOO_LARGE. */
export function parseProgram(program: string): Statement[] {
  if (program.length > PROGRAM_CHARS_MAX) {
    throw new Rejected(
      'TOO_LARGE',
      `the program is longer than the limit of ${PROGRAM_CHARS_MAX} characters`,
      { limit: PROGRAM_CHARS_MAX, path: 'program' },
    )
  }
  return new Parser(tokensOf(program)).program()
}

class Parser {
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  program(): Statement[] {
    const statements: Statement[] = []
    for (;;) {
      while (this.#take(';')) {}
      const token = this.#peek()
      if (token.type === 'end') break
      if (statements.length === PROGRAM_STATEMENTS_MAX) {
        throw badProgram(`more than ${PROGRAM_STATEMENTS_MAX} statements`, token.at)
      }
      statements.push(this.#statement())
      if (this.#peek().type !== 'end') this.#expect(';')
    }
    if (statements.length === 0)
      throw badProgram('the program is empty: write for example x = 1', 0)
    return statements
  }

  #statement(): Statement {
    const target = this.#peek()
    if (target.type !== 'key') throw badProgram(`expected a key, found ${target.text}`, target.at)
    this.#next++
    const key = keyOf(target.text, 'program')
    const sign = this.#peek()
    if (sign.type !== 'sign' || !sign.text.endsWith('=')) {
      throw badProgram(`expected = += -= *= /= or %=, found ${sign.text}`, sign.at)
    }
    this.#next++
    const value = this.#sum()
    const operator = operatorOf(sign.text.slice(0, -1))
    if (!operator) return { key, value }
    return { key, value: { type: 'binary', operator, left: { type: 'key', key }, right: value } }
  }

  #sum(): Expression {
    return this.#leftToRight(['+', '-'], () =>
      this.#leftToRight(['*', '/', '%'], () => this.#unary()),
    )
  }

  /** `a - b - c` is `(a - b) - c`. The tree's depth counts too: it is evaluated by recursion. */
  #leftToRight(operators: readonly Operator[], operand: () => Expression): Expression {
    let left = operand()
    let deeper = 0
    for (;;) {
      const token = this.#peek()
      const operator = token.type === 'sign' ? operatorOf(token.text) : undefined
      if (!operator || !operators.includes(operator)) break
      this.#next++
      deeper++
      this.#descend(token)
      left = { type: 'binary', operator, left, right: operand() }
    }
    this.#depth -= deeper
    return left
  }

  #unary(): Expression {
    const token = this.#peek()
    this.#next++
    if (token.type === 'number') return { type: 'number', value: Number(token.text) }
    if (token.type === 'key') return { type: 'key', key: keyOf(token.text, 'program') }
    this.#descend(token)
    const inner = this.#signed(token)
    this.#depth--
    return inner
  }

  #signed(token: Token): Expression {
    if (token.text === '-') return { type: 'negative', of: this.#unary() }
    if (token.text === '+') return this.#unary()
    if (token.text !== '(') {
      throw badProgram(`expected a number, a key or (, found ${token.text}`, token.at)
    }
    const inner = this.#sum()
    this.#expect(')')
    return inner
  }

  #descend(token: Token): void {
    if (++this.#depth > PROGRAM_DEPTH_MAX) {
      throw badProgram(`an expression deeper than ${PROGRAM_DEPTH_MAX} levels`, token.at)
    }
  }

  #peek(): Token {
    const last = this.#tokens.length - 1
    return this.#tokens[Math.min(this.#next, last)] ?? { type: 'end', text: 'the end', at: 0 }
  }

  #take(sign: string): boolean {
    const token = this.#peek()
    if (token.type !== 'sign' || token.text !== sign) return false
    this.#next++
    return true
  }

  #expect(sign: string): void {
    const token = this.#peek()
    if (!this.#take(sign)) throw badProgram(`expected ${sign}, found ${token.text}`, token.at)
  }
}

function operatorOf(text: string): Operator | undefined {
  return text === '+' || text === '-' || text === '*' || text === '/' || text === '%'
    ? text
    : undefined
}
