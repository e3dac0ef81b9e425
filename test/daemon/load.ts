/** A mixed load of registers over all nodes, and the judgement of what was recorded. */
import { expect } from 'vitest'
import type { Interval } from '../../src/check/model.ts'
import { type Asked, register } from '../../src/check/models.ts'
import { isLinearizable } from '../../src/check/search.ts'
import { type Daemons, RpcError, rpc, sleep } from './processes.ts'

const OUTCOMES = ['none', 'unknown', 'applied']
/** Keys are left for new ones after this long, so that no history of one key grows long. */
const GENERATION_MS = 3000

export interface History {
  readonly ops: Map<string, Interval<Asked>[]>
  acknowledged: number
  readonly errors: Map<string, number>
  /** Errors that did not say what happened to the write. */
  readonly silent: string[]
}

export async function registerLoad(
  daemons: Daemons,
  options: { readonly clients: number; readonly keys: number; readonly ms: number },
): Promise<History> {
  const history: History = { ops: new Map(), acknowledged: 0, errors: new Map(), silent: [] }
  const start = Date.now()
  let values = 1
  const client = async () => {
    while (Date.now() - start < options.ms) {
      const generation = Math.floor((Date.now() - start) / GENERATION_MS)
      const key = `reg/${generation}/${Math.floor(Math.random() * options.keys)}`
      const node = Math.floor(Math.random() * daemons.n)
      await oneOp(daemons.url(node), key, values++, history)
    }
  }
  await Promise.all(Array.from({ length: options.clients }, client))
  return history
}

async function oneOp(url: string, key: string, value: number, history: History): Promise<void> {
  const draw = Math.random()
  const expected = Math.max(1, value - 1 - Math.floor(Math.random() * 30))
  const f = draw < 0.4 ? 'get' : draw < 0.75 ? 'put' : draw < 0.95 ? 'cas' : 'del'
  const args = f === 'put' ? [value] : f === 'cas' ? [expected, value] : []
  const called = performance.now()
  const record = (returned: number, result?: Asked['result']) => {
    const list = history.ops.get(key) ?? []
    history.ops.set(key, list)
    list.push({ op: { op: f, args, result }, called, returned })
  }
  const meta = { timeoutMs: 3000 }
  try {
    if (f === 'get') {
      const { kv } = await rpc(url, 'kv.get', { key, meta }, 6000)
      record(performance.now(), kv === null ? null : kv.value)
    } else if (f === 'put') {
      await rpc(url, 'kv.put', { key, value, meta }, 6000)
      record(performance.now())
    } else if (f === 'cas') {
      const params = { key, expect: { value: expected }, value, meta }
      const { succeeded } = await rpc(url, 'kv.cas', params, 6000)
      record(performance.now(), succeeded)
    } else {
      const { deleted } = await rpc(url, 'kv.del', { key, meta }, 6000)
      record(performance.now(), deleted > 0)
    }
    history.acknowledged++
  } catch (error) {
    const refused = (error as { code?: string }).code === 'ECONNREFUSED'
    const outcome = error instanceof RpcError ? error.data.outcome : undefined
    if (error instanceof RpcError && !OUTCOMES.includes(outcome ?? '')) {
      history.silent.push(error.message)
    }
    const name = error instanceof RpcError ? `${error.data.name}/${outcome}` : String(error)
    history.errors.set(name, (history.errors.get(name) ?? 0) + 1)
    // Not done for certain: it must not show in the history. Else it may, at any time from now on.
    if (!refused && outcome !== 'none' && f !== 'get') {
      record(Number.POSITIVE_INFINITY)
    }
    await sleep(10)
  }
}

/** Reads every key at last, so that a lost write cannot hide; then each key's history must have an order. */
export async function judge(daemons: Daemons, history: History): Promise<void> {
  for (const [key, ops] of history.ops) {
    const called = performance.now()
    const { kv } = await rpc(daemons.url(0), 'kv.get', { key })
    const result = kv === null ? null : kv.value
    ops.push({ op: { op: 'get', args: [], result }, called, returned: performance.now() })
  }
  expect(history.silent).toEqual([])
  const bad = [...history.ops].filter(
    ([, ops]) => isLinearizable(register, ops).linearizable !== 'yes',
  )
  expect(bad.map(([key]) => key)).toEqual([])
}
