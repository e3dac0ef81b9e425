/**
 * One generator process: a closed loop with so many calls in flight. Started by load.mjs, which
 * hears `ready`, says `go`, and hears `warm`, `measured` and the result.
 */
import { createHistogram } from 'node:perf_hooks'
import { keyName, valueText } from './calls.mjs'
import { connectHttp } from './client-http.mjs'
import { connectWebSocket } from './client-websocket.mjs'

const spec = JSON.parse(process.argv[2])
const pauseAfterErrorMs = 5
const latencyMicros = createHistogram({ lowest: 1, highest: 120_000_000, figures: 3 })
const keys = Array.from({ length: spec.keys }, (_, i) => keyName(i))
const value = valueText(spec.valueBytes)
const found = { calls: 0, errors: 0, firstError: undefined }
let measureFrom = Number.POSITIVE_INFINITY
let measureUntil = Number.POSITIVE_INFINITY
let nextFill = 0

process.on('disconnect', () => process.exit(1))
const clients = {
  http: connectHttp,
  ws: connectWebSocket,
  // Of this checkout, and only there once it is built.
  sdk: async endpoints => (await import('./client-sdk.mjs')).connectSdk(endpoints),
}
const client = await clients[spec.path](spec.endpoints)
process.send({ type: 'ready' })
await new Promise(resolve => process.once('message', resolve))
await run()

async function run() {
  const { warmSecs, secs } = spec
  measureFrom = performance.now() + warmSecs * 1000
  measureUntil = measureFrom + secs * 1000
  let cpu
  setTimeout(() => {
    cpu = process.cpuUsage()
    process.send({ type: 'warm' })
  }, warmSecs * 1000)
  const measured = new Promise(resolve => {
    setTimeout(
      () => {
        cpu = process.cpuUsage(cpu)
        process.send({ type: 'measured' })
        resolve()
      },
      (warmSecs + secs) * 1000,
    )
  })
  const loops = Promise.all(Array.from({ length: spec.inFlight }, loop))
  await (spec.fill === true ? loops : measured)
  report((cpu?.user + cpu?.system) / 1e6)
}

async function loop() {
  const act = operation()
  while (performance.now() < measureUntil) {
    if (spec.fill === true && nextFill >= keys.length) return
    const started = performance.now()
    try {
      await act()
      const ended = performance.now()
      if (ended < measureFrom || ended >= measureUntil) continue
      found.calls++
      latencyMicros.record(Math.max(1, Math.round((ended - started) * 1000)))
    } catch (error) {
      found.errors++
      found.firstError ??= error.message
      // A node that refuses at once must not turn the generator into a busy loop.
      await new Promise(resolve => setTimeout(resolve, pauseAfterErrorMs))
    }
  }
}

function operation() {
  switch (spec.op) {
    case 'put':
      return () => client.put(randomKey(), value)
    case 'get':
      return () => client.get(randomKey(), 'linearizable')
    case 'local':
      return () => client.get(randomKey(), 'local')
    case 'batch':
      return () => client.putBatch(pairs(spec.fill === true ? nextKey : randomKey))
    case 'publish':
      return () => client.publish(value)
    case 'publish-batch':
      return () => client.publishBatch(spec.batch, value)
    default:
      throw new Error(`no operation ${spec.op}`)
  }
}

function pairs(key) {
  return Array.from({ length: spec.batch }, () => [key(), value])
}

function randomKey() {
  return keys[Math.floor(Math.random() * keys.length)]
}

/** Each key once, in order; the last batch is filled up from the start. */
function nextKey() {
  return keys[nextFill++ % keys.length]
}

function report(cpuSecs) {
  const h = latencyMicros
  const percentile = p => (found.calls === 0 ? null : h.percentile(p) / 1000)
  const result = {
    ...found,
    cpuSecs,
    p50Ms: percentile(50),
    p99Ms: percentile(99),
    maxMs: found.calls === 0 ? null : h.max / 1000,
  }
  process.send({ type: 'result', result }, () => process.exit(0))
}
