/**
 * Writers with keys of their own, so that what may be read is known without a search: each key gets
 * the values 1, 2, 3 … by one writer, one after the other. A read must not give less than what was
 * acknowledged, or read, before it was asked; nor a value that was refused with outcome `none`; nor one
 * that nobody had sent. A key whose last write nobody knows of is left for a new one, because that write
 * may still happen. Beside it a counter that all of them raise: exactly once, or the sum tells.
 */
import { CallError, call } from './rpc.mjs'
import { sleep } from './system.mjs'

const KEYS_A_WRITER = 8
const CALL_MS = 2000
/** The daemon says what became of a write before we lose patience. */
const GRACE_MS = 3000

class Register {
  sent = 0
  acknowledged = 0
  /** Highest value that was read. */
  read = 0
  refused = new Set()
}

export class Workload {
  constructor(cluster, { writers = 8, readers = 4, valueBytes = 100 } = {}) {
    this.cluster = cluster
    this.writers = writers
    this.readers = readers
    this.padding = 'x'.repeat(valueBytes)
    this.registers = new Map()
    this.counter = { acknowledged: 0, unknown: 0 }
    this.acknowledged = 0
    /** Highest op-number of an acknowledged write. */
    this.op = 0
    this.unknown = 0
    this.refusals = 0
    this.reads = 0
    /** Sentences about what must not be. */
    this.lies = []
    this.stopping = false
    this.running = []
  }

  start() {
    for (let w = 0; w < this.writers; w++) this.running.push(this.#write(w))
    for (let r = 0; r < this.readers; r++) this.running.push(this.#read(r))
  }

  async stop() {
    this.stopping = true
    await Promise.all(this.running)
  }

  /** Waits until so many more writes have been acknowledged. */
  async more(count, ms = 30_000) {
    const target = this.acknowledged + count
    const until = Date.now() + ms
    while (this.acknowledged < target) {
      if (Date.now() > until) throw new Error(`fewer than ${count} writes in ${ms} ms`)
      await sleep(5)
    }
  }

  #register(key) {
    const found = this.registers.get(key) ?? new Register()
    this.registers.set(key, found)
    return found
  }

  #node(turn) {
    return this.cluster.url(turn % this.cluster.n)
  }

  async #write(w) {
    const lives = Array.from({ length: KEYS_A_WRITER }, () => 1)
    for (let turn = w; !this.stopping; turn++) {
      if (turn % 16 === 0) await this.#increment(turn)
      const slot = turn % KEYS_A_WRITER
      const key = `w${w}/${slot}.${lives[slot]}`
      const register = this.#register(key)
      const value = ++register.sent
      const params = { key, value: { n: value, pad: this.padding } }
      const outcome = await this.#attempt(turn, 'kv.put', params)
      if (outcome === 'applied') {
        register.acknowledged = value
        this.acknowledged++
      } else if (outcome === 'none') {
        register.refused.add(value)
        this.refusals++
      } else {
        this.unknown++
        lives[slot]++
      }
    }
  }

  async #increment(turn) {
    const outcome = await this.#attempt(turn, 'kv.incr', { key: 'counter' })
    if (outcome === 'applied') this.counter.acknowledged++
    else if (outcome !== 'none') this.counter.unknown++
  }

  /** What became of a write: applied, none or unknown. */
  async #attempt(turn, method, params) {
    try {
      const meta = { timeoutMs: CALL_MS }
      const asked = { ...params, meta }
      const { header } = await call(this.#node(turn), method, asked, CALL_MS + GRACE_MS)
      this.op = Math.max(this.op, header.op)
      return 'applied'
    } catch (error) {
      await sleep(20)
      if (!(error instanceof CallError)) return error.code === 'ECONNREFUSED' ? 'none' : 'unknown'
      if (!['none', 'unknown', 'applied'].includes(error.outcome)) {
        this.lies.push(`an error without an outcome: ${error.message}`)
      }
      return error.outcome === 'none' ? 'none' : 'unknown'
    }
  }

  async #read(r) {
    for (let turn = r; !this.stopping; turn++) {
      const keys = [...this.registers.keys()]
      const key = keys[(turn * 7) % Math.max(1, keys.length)]
      if (key === undefined) await sleep(10)
      else await this.#look(this.#node(turn), key)
    }
  }

  async #look(url, key) {
    const register = this.registers.get(key)
    const floor = Math.max(register.acknowledged, register.read)
    try {
      const params = { key, meta: { timeoutMs: CALL_MS } }
      const { kv } = await call(url, 'kv.get', params, CALL_MS + GRACE_MS)
      this.reads++
      this.#judge(key, register, kv === null ? 0 : kv.value.n, floor)
    } catch (error) {
      if (error instanceof CallError && error.outcome !== 'none') {
        this.lies.push(`a read failed with outcome ${error.outcome}: ${error.message}`)
      }
      if (!(error instanceof CallError) && error.code === undefined) throw error
      await sleep(20)
    }
  }

  #judge(key, register, n, floor) {
    if (n < floor) this.lies.push(`${key} is ${n}, and was at least ${floor} before`)
    if (n > register.sent)
      this.lies.push(`${key} is ${n}, and nobody wrote more than ${register.sent}`)
    if (register.refused.has(n))
      this.lies.push(`${key} is ${n}, which was refused with outcome none`)
    register.read = Math.max(register.read, n)
  }

  /** Final reads through every node. Gives how many acknowledged writes are lost. */
  async lost() {
    let lost = 0
    for (const [key, register] of this.registers) {
      const values = []
      for (let i = 0; i < this.cluster.n; i++) {
        const { kv } = await call(this.cluster.url(i), 'kv.get', { key })
        values.push(kv === null ? 0 : kv.value.n)
      }
      const least = Math.min(...values)
      lost += Math.max(0, register.acknowledged - least)
      for (const n of values) this.#judge(key, register, n, 0)
      if (new Set(values).size > 1) this.lies.push(`${key} differs: ${values}`)
    }
    const { kv } = await call(this.cluster.url(0), 'kv.get', { key: 'counter' })
    const count = kv === null ? 0 : kv.value
    const { acknowledged, unknown } = this.counter
    if (count > acknowledged + unknown) {
      this.lies.push(
        `the counter is ${count}; ${acknowledged} were acknowledged, ${unknown} are unknown`,
      )
    }
    return lost + Math.max(0, acknowledged - count)
  }
}
