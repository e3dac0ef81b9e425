/** What clients ask: registers, counters, lists to append to. Each gives way to new keys in time. */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import type { CheckClient, Question } from './client.ts'
import type { World } from './world.ts'

/** Reads everything again at the end, so that nothing that was lost can hide. */
export interface Task {
  step(client: CheckClient): Promise<void>
  finalReads(): readonly Question[]
}

interface Slot {
  key: string
  uses: number
  /** What was seen there last. */
  values: readonly Json[]
}

/** A few keys at a time; after so many operations a key is left for a new one. */
class Keys {
  readonly used: string[] = []
  readonly #slots: Slot[]
  readonly #prefix: string
  readonly #usesMax: number

  constructor(prefix: string, width: number, usesMax: number) {
    this.#prefix = prefix
    this.#usesMax = usesMax
    this.#slots = Array.from({ length: width }, () => this.#fresh())
  }

  #fresh(): Slot {
    const key = `${this.#prefix}${this.used.length}`
    this.used.push(key)
    return { key, uses: 0, values: [] }
  }

  take(client: CheckClient): Slot {
    const i = client.prng.int(0, this.#slots.length - 1)
    let slot = this.#slots[i] as Slot
    if (++slot.uses > this.#usesMax) {
      slot = this.#fresh()
      this.#slots[i] = slot
    }
    return slot
  }
}

const member = (answer: JsonObject, name: string): Json => answer[name] ?? null
const revOf = (answer: JsonObject): { rev: number } => ({ rev: Number(answer['rev']) })

function get(workload: Question['workload'], key: string): Question {
  const read = ({ kv }: JsonObject): { result: Json; rev?: number } =>
    isObject(kv) ? { result: kv['value'] as Json, rev: Number(kv['rev']) } : { result: null }
  return { workload, key, op: 'get', args: [], method: 'kv.get', params: { key }, read }
}

export function registers(world: World): Task {
  const workload = 'register'
  const keys = new Keys(`${world.prefix}register/`, 10, 300)
  const write = (key: string, op: 'put' | 'cas' | 'del', args: Json[]): Question => {
    const [first = null, second = null] = args
    const expect = first === null ? { absent: true } : { value: first }
    const params = { put: { key, value: first }, cas: { key, expect, value: second }, del: { key } }
    const read = (answer: JsonObject) => ({
      ...revOf(answer),
      ...(op === 'cas' && { result: member(answer, 'succeeded') }),
      ...(op === 'del' && { result: Number(answer['deleted']) > 0 }),
    })
    return { workload, key, op, args, method: `kv.${op}`, params: params[op], read }
  }
  return {
    async step(client) {
      const slot = keys.take(client)
      const draw = client.prng.int(1, 100)
      const isOnce = client.prng.chance(0.5)
      if (draw <= 40) {
        const { status, result } = await client.plain(get(workload, slot.key))
        if (status === 'ok') slot.values = [result ?? null]
        return
      }
      const value = world.nextValue()
      const expected = slot.values.at(-1) ?? null
      const question =
        draw <= 75
          ? write(slot.key, 'put', [value])
          : draw <= 95
            ? write(slot.key, 'cas', [expected, value])
            : write(slot.key, 'del', [])
      const { status } = await (isOnce ? client.once(question) : client.plain(question))
      if (status === 'ok' && draw <= 75) slot.values = [value]
    },
    finalReads: () => keys.used.map(key => get(workload, key)),
  }
}

export function counters(world: World): Task {
  const workload = 'counter'
  const keys = new Keys(`${world.prefix}counter/`, 4, 500)
  return {
    async step(client) {
      const { key } = keys.take(client)
      if (client.prng.chance(0.2)) await client.plain(get(workload, key))
      else {
        const read = (answer: JsonObject) => ({ ...revOf(answer), result: member(answer, 'value') })
        const params = { key, by: 1 }
        const question = { workload, key, op: 'incr', args: [1], method: 'kv.incr', params, read }
        await client.once({ ...question, workload })
      }
    },
    finalReads: () => keys.used.map(key => get(workload, key)),
  }
}

export function lists(world: World): Task {
  const workload = 'append'
  const keys = new Keys(`${world.prefix}append/`, 4, 150)
  return {
    async step(client) {
      const { key } = keys.take(client)
      const { status, result, rev } = await client.plain(get(workload, key))
      if (status !== 'ok' || client.prng.chance(0.3)) return
      const element = world.nextValue()
      const value = [...(Array.isArray(result) ? result : []), element]
      const compare = [{ key, target: 'rev', op: '=', value: rev ?? 0 }]
      const params = { compare, then: [{ op: 'put', key, value }] }
      const read = (answer: JsonObject) =>
        answer['succeeded'] === true ? revOf(answer) : ('fail' as const)
      const question = { key, op: 'append', args: [element], method: 'kv.txn', params, read }
      await client.once({ ...question, workload })
    },
    finalReads: () => keys.used.map(key => get(workload, key)),
  }
}
