/**
 * Load that does not wait for answers: so many calls a second, whatever becomes of them. What came of it is
 * told apart by what the answer says: done, refused with outcome none, or anything else.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { keyName, valueText } from '../bench/calls.mjs'
import { connectWebSocket } from '../bench/client-websocket.mjs'
import { Flood } from './flood.mjs'

const CONNECTIONS = 2
const KEYS = 10_000
const VALUE_BYTES = 128
/** Between two looks at what is due: who only looks takes the processor from the nodes. */
const TURN_MS = 2
/** Of our own calls under way: beyond it this process would be what falls over. */
const UNDER_WAY_MAX = 60_000

const REFUSED = /^error":\{"code":-32005,.*"name":"OVERLOADED",.*"outcome":"none"/

/** Several to each endpoint. */
export async function openClients(endpoints) {
  const all = Array.from({ length: CONNECTIONS }, () => endpoints).flat()
  return Promise.all(all.map(endpoint => connectWebSocket([endpoint])))
}

/** As fast as answers come with `inFlight` calls on each client; gives calls a second. */
export async function peakRate(clients, { inFlight, secs }) {
  const value = valueText(VALUE_BYTES)
  const until = performance.now() + secs * 1000
  let done = 0
  const caller = async client => {
    while (performance.now() < until) {
      await client.put(keyName(anyKey()), value)
      done++
    }
  }
  await Promise.all(
    clients.flatMap(client => Array.from({ length: inFlight }, () => caller(client))),
  )
  return done / secs
}

/** Gives what became of the calls, when all have an answer. */
export async function openLoop(endpoints, { perSecond, secs }) {
  const tally = { sent: 0, skipped: 0, done: [], refused: [], other: new Map() }
  const answered = (ms, error) => count(tally, ms, error)
  const value = valueText(VALUE_BYTES)
  const floods = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => endpoints)
      .flat()
      .map(endpoint => Flood.open(endpoint, value, answered)),
  )
  const startMs = performance.now()
  for (let elapsed = 0; elapsed < secs; elapsed = (performance.now() - startMs) / 1000) {
    const due = Math.floor(elapsed * perSecond)
    const room = UNDER_WAY_MAX - underWay(tally)
    const each = Math.floor(Math.min(due - tally.sent - tally.skipped, room) / floods.length)
    for (const flood of floods) if (each > 0) flood.send(Array.from({ length: each }, anyKey))
    tally.sent += each * floods.length
    if (room <= floods.length) tally.skipped = due - tally.sent
    await sleep(TURN_MS)
  }
  const sendingSecs = (performance.now() - startMs) / 1000
  while (underWay(tally) > 0) await sleep(TURN_MS)
  for (const flood of floods) flood.close()
  return describe(tally, sendingSecs)
}

const anyKey = () => Math.floor(Math.random() * KEYS)

const underWay = ({ sent, done, refused, other }) => {
  let ended = done.length + refused.length
  for (const count of other.values()) ended += count
  return sent - ended
}

function count({ done, refused, other }, ms, error) {
  if (error === undefined) return done.push(ms)
  if (REFUSED.test(error)) return refused.push(ms)
  other.set(error, (other.get(error) ?? 0) + 1)
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
