/**
 * Clients that send each write again until they know: a session each, a counter each, one number after the other,
 * through whichever node. Every write is executed once, so the answers are 1, 2, 3 …; and what was answered is
 * answered alike when it is sent once more, through another node.
 */
import { CallError, call } from './rpc.mjs'
import { sleep } from './system.mjs'

const CALL_MS = 1000
const GRACE_MS = 500
const BREATH_MS = 10

export class ExactlyOnce {
  #urls
  #running = []
  #isStopping = false
  /** Of each client: its counter, as answered. */
  counts = []
  /** Calls of which nobody said what became of them, sent again. */
  unanswered = 0
  /** Sentences about what must not be. */
  lies = []

  constructor(urls) {
    this.#urls = urls
  }

  start(clients) {
    for (let c = 0; c < clients; c++) this.#running.push(this.#run(c))
  }

  async stop() {
    this.#isStopping = true
    await Promise.all(this.#running)
  }

  async #run(c) {
    this.counts[c] = 0
    const opened = await this.#insist(c, 'session.open', {}, {})
    for (let seq = 1; opened !== undefined && !this.#isStopping; seq++) {
      const meta = { session: opened.session, seq }
      const params = { key: keyOf(c) }
      const first = await this.#insist(c + seq, 'kv.incr', params, meta)
      if (first === undefined) break
      this.counts[c] = seq
      const again = await this.#insist(c + seq + 1, 'kv.incr', params, meta)
      if (again === undefined) break
      this.#judge(c, seq, first, again)
      await sleep(BREATH_MS)
    }
  }

  #judge(c, seq, first, again) {
    if (first.value !== seq) {
      this.lies.push(`write ${seq} of ${keyOf(c)} made it ${first.value}`)
    }
    if (again.value !== first.value || again.rev !== first.rev) {
      const [was, is] = [first, again].map(({ value, rev }) => `${value} at rev ${rev}`)
      this.lies.push(`write ${seq} of ${keyOf(c)} was answered ${was}, and again ${is}`)
    }
  }

  /** The answer, from whichever node gives one; undefined: there is no more time. */
  async #insist(turn, method, params, meta) {
    for (let at = turn; ; at++) {
      const url = this.#urls[at % this.#urls.length]
      const asked = { ...params, meta: { ...meta, timeoutMs: CALL_MS } }
      try {
        return await call(url, method, asked, CALL_MS + GRACE_MS)
      } catch (error) {
        const outcome = error instanceof CallError ? error.outcome : 'unknown'
        if (outcome !== 'none') this.unanswered++
        if (error.errorName === 'SESSION_EVICTED') this.lies.push(error.message)
        if (this.#isStopping) return undefined
        await sleep(BREATH_MS)
      }
    }
  }

  /** Behind the end: each counter is what was answered, or one more that was not. */
  async verify(url) {
    for (const [c, count] of this.counts.entries()) {
      const { kv } = await call(url, 'kv.get', { key: keyOf(c) })
      const value = kv?.value ?? 0
      if (value !== count && value !== count + 1) {
        this.lies.push(`${keyOf(c)} is ${value} after ${count} answered writes`)
      }
    }
  }
}

const keyOf = c => `once/${c}`
