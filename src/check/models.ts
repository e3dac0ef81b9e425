/**
 * What the checked objects do, one operation at a time: a register, a counter, a list to append to,
 * accounts between which is transferred. Values are JSON, compared as text; `null` is no value.
 */
import type { Json } from '../base/json.ts'
import { ILLEGAL, type Model, type State } from './model.ts'

/** What was asked and answered; `result` undefined: not known. */
export interface Asked {
  readonly op: string
  readonly args: readonly Json[]
  readonly result: Json | undefined
}

const NOTHING = 'null'
const textOf = (value: Json | undefined): string => JSON.stringify(value ?? null)

/** get → value · put VALUE · cas EXPECTED NEW → whether it was as expected · del → whether there was one. */
export const register: Model<Asked> = {
  initial: NOTHING,
  step(state, { op, args, result }) {
    switch (op) {
      case 'get':
        return result === undefined || textOf(result) === state ? state : ILLEGAL
      case 'put':
        return textOf(args[0])
      case 'cas': {
        const fits = textOf(args[0]) === state
        if (result !== undefined && result !== fits) return ILLEGAL
        return fits ? textOf(args[1]) : state
      }
      case 'del':
        return result === undefined || result === (state !== NOTHING) ? NOTHING : ILLEGAL
      default:
        return ILLEGAL
    }
  },
  isPure: ({ op, result }) => op === 'get' || ((op === 'cas' || op === 'del') && result === false),
  kindOf,
}

/** incr BY → sum · get → sum; nothing counts as 0. */
export const counter: Model<Asked> = {
  initial: NOTHING,
  step(state, { op, args, result }) {
    if (op === 'get') return result === undefined || textOf(result) === state ? state : ILLEGAL
    if (op !== 'incr') return ILLEGAL
    const sum = String(Number(state === NOTHING ? 0 : state) + Number(args[0] ?? 1))
    return result === undefined || textOf(result) === sum ? sum : ILLEGAL
  },
  isPure: ({ op }) => op === 'get',
  kindOf,
}

/** append ELEMENT · get → list; nothing counts as the empty list. */
export const list: Model<Asked> = {
  initial: '',
  step(state, { op, args, result }) {
    const text = String(state)
    if (op === 'append') return text === '' ? textOf(args[0]) : `${text},${textOf(args[0])}`
    if (op !== 'get') return ILLEGAL
    return result === undefined || elements(result) === text ? state : ILLEGAL
  },
  isPure: ({ op }) => op === 'get',
  kindOf,
}

const elements = (value: Json): string => (Array.isArray(value) ? value.map(textOf).join(',') : '')

/**
 * open BALANCES · transfer FROM BALANCE TO BALANCE AMOUNT → whether both balances were as said ·
 * get → all balances in order.
 */
export const bank: Model<Asked> = {
  initial: NOTHING,
  step(state, { op, args, result }) {
    if (op === 'open') return textOf(args[0])
    if (op === 'get') return result === undefined || textOf(result) === state ? state : ILLEGAL
    if (op !== 'transfer') return ILLEGAL
    const after = transferred(state, args)
    if (result !== undefined && result !== (after !== undefined)) return ILLEGAL
    return after ?? state
  },
  isPure: ({ op, result }) => op === 'get' || (op === 'transfer' && result === false),
  kindOf,
}

function transferred(state: State, args: readonly Json[]): string | undefined {
  const [from, fromHas, to, toHas, amount] = args.map(Number)
  const balances: unknown = JSON.parse(String(state))
  if (!Array.isArray(balances) || from === undefined || to === undefined) return undefined
  if (balances[from] !== fromHas || balances[to] !== toHas) return undefined
  balances[from] -= Number(amount)
  balances[to] += Number(amount)
  return JSON.stringify(balances)
}

function kindOf({ op, args }: Asked): string {
  return `${op} ${JSON.stringify(args)}`
}
