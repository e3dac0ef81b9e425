/**
 * Load that does not wait for answers: so many calls a second, whatever becomes of them. What came of it is
 * told apart by what the answer says: done, refused with outcome none, or anything else.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { keyName, valueText } from '../bench/calls.mjs'
import { connectWebSocket } from '../bench/client-websocket.mjs'

const KEYS = 10_000
const VALUE_BYTES = 128
/** Of our own calls under way: beyond it this process would be what falls over. */
const UNDER_WAY_MAX = 60_000

/** `connections` to each endpoint. */
export async function openClients(endpoints, connections = 2) {
  const all = Array.from({ length: connections }, () => endpoints).flat()
  return Promise.all(all.map(endpoint => connectWebSocket([endpoint])))
}

/** As fast as answers come with `inFlight` calls on each client; gives calls a second. */
export async function peakRate(clients, { inFlight, secs }) {
  const value = valueText(VALUE_BYTES)
  const until = performance.now() + secs * 1000
  let done = 0
  const caller = async client => {
    while (performance.now() < until) {
      await client.put(key(), value)
      done++
    }
  }
  await Promise.all(
    clients.flatMap(client => Array.from({ length: inFlight }, () => caller(client))),
  )
  return done / secs
}

/** Gives what became of the calls, when all have an answer. */
export async function openLoop(clients, { perSecond, secs }) {
  const value = valueText(VALUE_BYTES)
  const tally = { sent: 0, skipped: 0, done: [], refused: [], other: new Map() }
  const calls = new Set()
  const startMs = performance.now()
  for (let elapsed = 0; elapsed < secs; elapsed = (performance.now() - startMs) / 1000) {
    const due = Math.floor(elapsed * perSecond)
    while (tally.sent + tally.skipped < due) {
      if (calls.size >= UNDER_WAY_MAX) {
        tally.skipped++
        continue
      }
      const client = clients[tally.sent++ % clients.length]
      const call = one(client, value, tally).finally(() => calls.delete(call))
      calls.add(call)
    }
    await turn()
  }
  const sendingSecs = (performance.now() - startMs) / 1000
  await Promise.all(calls)
  return describe(tally, sendingSecs)
}

const key = () => keyName(Math.floor(Math.random() * KEYS))

async function one(client, value, tally) {
  const startMs = performance.now()
  try {
    await client.put(key(), value)
    tally.done.push(performance.now() - startMs)
  } catch (error) {
    const { name = error.message, outcome = '' } = error.data ?? {}
    if (name === 'OVERLOADED' && outcome === 'none') tally.refused.push(performance.now() - startMs)
    else tally.other.set(`${name}/${outcome}`, (tally.other.get(`${name}/${outcome}`) ?? 0) + 1)
  }
}

function describe({ sent, skipped, done, refused, other }, secs) {
  return {
    offered: (sent + skipped) / secs,
    goodput: done.length / secs,
    skipped,
    p50Ms: quantile(done, 0.5),
    p99Ms: quantile(done, 0.99),
    refused: refused.length,
    refusedP99Ms: quantile(refused, 0.99),
    other: Object.fromEntries(other),
  }
}

export function quantile(numbers, q) {
  if (numbers.length === 0) return Number.NaN
  const sorted = Float64Array.from(numbers).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]
}
