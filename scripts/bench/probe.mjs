/** A writer that never stops: one put to every node every 10 ms, whatever became of the last ones. */
import { keyName, valueText } from './calls.mjs'
import { connectHttp } from './client-http.mjs'
import { sleep } from './processes.mjs'

const everyMs = 10
const budgetMs = 1_000
const inFlightMax = 100

export class Probe {
  #clients
  #timer
  /** Of acknowledged puts, in order of acknowledgement: when sent, when acknowledged. */
  acknowledged = []

  /** One client per node; `value` as these clients want it. */
  constructor(clients, value) {
    this.#clients = clients.map(client => ({ client, inFlight: 0 }))
    let n = 0
    this.#timer = setInterval(() => {
      for (const writer of this.#clients) this.#put(writer, keyName(n++ % 10_000), value)
    }, everyMs)
  }

  static overHttp(endpoints) {
    return new Probe(
      endpoints.map(endpoint => connectHttp([endpoint])),
      valueText(128),
    )
  }

  /** ms from `since` to the first acknowledgement of a put sent after it; undefined: there was none. */
  async firstAfter(since, timeoutMs) {
    const until = performance.now() + timeoutMs
    for (;;) {
      const first = this.acknowledged.find(({ sent }) => sent >= since)
      if (first !== undefined) return first.at - since
      if (performance.now() > until) return undefined
      await sleep(5)
    }
  }

  close() {
    clearInterval(this.#timer)
    for (const { client } of this.#clients) client.close()
  }

  async #put(writer, key, value) {
    if (writer.inFlight >= inFlightMax) return
    writer.inFlight++
    const sent = performance.now()
    try {
      await within(writer.client.put(key, value, budgetMs), budgetMs)
      this.acknowledged.push({ sent, at: performance.now() })
    } catch {
      // Expected while no node serves: the probe asks again in 10 ms.
    } finally {
      writer.inFlight--
    }
  }
}

/** Not every client keeps the time it was given. */
function within(promise, ms) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('timeout')), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
