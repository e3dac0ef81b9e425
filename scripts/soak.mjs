/**
 * Soak and overload on real daemons:
 *
 *   npm run soak -- [--minutes M] [--base-port P]      (default 2 minutes; ports from 24000 on)
 *
 * Measures the peak, then offers 0.5, 2 and 10 times as much without waiting for answers, looks how long a
 * plain call takes afterwards, and lets subscriptions, sessions and connections come and go. Exit code: 0
 * everything is as it should be · 1 something is not · 2 usage. The machine should have nothing else to do.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { callOnce } from './bench/client-http.mjs'
import { Cluster, freeBasePort } from './bench/cluster.mjs'
import { exitOnSignals, removeAtExit, residentMiB, sleep } from './bench/processes.mjs'
import { churn, open } from './soak/churn.mjs'
import { openClients, openLoop, peakRate, quantile } from './soak/open-loop.mjs'

const RSS_GROWTH_MIB_MAX = 300
const ACCEPTED_P99_MS_MAX = 2_000
const REFUSED_P99_MS_MAX = 50
const GOODPUT_MIN = 0.8
const PEAK_IN_FLIGHT = 64

exitOnSignals()
const { minutes, basePort } = parse()
const faults = []
const check = (holds, what) => {
  if (!holds) faults.push(what)
}

const dir = mkdtempSync(join(tmpdir(), 'viewstamp-soak-'))
removeAtExit(dir)
const cluster = new Cluster({ dir: join(dir, 'c'), basePort: basePort ?? (await freeBasePort()) })
cluster.start()
await cluster.settled()
await run(minutes * 60)
await cluster.stop()
for (const fault of faults) console.log(`FAULT ${fault}`)
console.log(faults.length === 0 ? 'everything is as it should be' : `${faults.length} faults`)
process.exitCode = faults.length === 0 ? 0 : 1

function parse() {
  try {
    const text = { type: 'string' }
    const { values } = parseArgs({ options: { minutes: text, 'base-port': text } })
    const minutes = Number(values.minutes ?? 2)
    if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is no time`)
    const port = values['base-port']
    return { minutes, basePort: port === undefined ? undefined : Number(port) }
  } catch (error) {
    console.error(`${error.message}\nusage: npm run soak -- [--minutes M] [--base-port P]`)
    process.exit(2)
  }
}

async function run(secs) {
  const clients = await openClients(cluster.endpoints)
  await peakRate(clients, { inFlight: PEAK_IN_FLIGHT, secs: Math.min(5, secs / 10) })
  const peak = await peakRate(clients, { inFlight: PEAK_IN_FLIGHT, secs: secs / 10 })
  console.log(`peak: ${peak.toFixed(0)} puts/s`)
  for (const client of clients) client.close()
  for (const factor of [0.5, 2, 10]) await phase({ peak, factor, secs: secs / 5 })
  await slowConsumer(peak, secs / 20)
  await comeAndGo()
}

async function phase({ peak, factor, secs }) {
  const memory = () => cluster.pids.map(residentMiB)
  const [view, before] = [await cluster.view(), memory()]
  const found = await openLoop(cluster.endpoints, { perSecond: factor * peak, secs })
  const growth = Math.max(...memory().map((mib, i) => mib - before[i]))
  const afterMs = await plainCalls()
  cluster.assertAlive(`the load of ${factor} × peak`)
  const views = (await cluster.view()) - view
  const { offered, goodput, p50Ms, p99Ms, refused, refusedP99Ms, skipped, other } = found
  const wanted = Math.min(peak, factor * peak)
  console.log(
    `${factor} × peak: offered ${offered.toFixed(0)}/s (${skipped} not sent), done ${goodput.toFixed(0)}/s = ${((100 * goodput) / wanted).toFixed(0)} %, ` +
      `p50 ${p50Ms.toFixed(0)} p99 ${p99Ms.toFixed(0)} ms; refused ${refused} (p99 ${refusedP99Ms.toFixed(0)} ms); ` +
      `other ${JSON.stringify(other)}; views +${views}; memory +${growth.toFixed(0)} MiB; afterwards p99 ${afterMs.toFixed(1)} ms`,
  )
  const name = `${factor} × peak:`
  check(goodput >= GOODPUT_MIN * wanted, `${name} less than 80 % is done`)
  check(p99Ms <= ACCEPTED_P99_MS_MAX, `${name} what is done takes ${p99Ms.toFixed(0)} ms`)
  check(
    !(refusedP99Ms > REFUSED_P99_MS_MAX),
    `${name} a refusal takes ${refusedP99Ms.toFixed(0)} ms`,
  )
  check(Object.keys(other).length === 0, `${name} other endings: ${JSON.stringify(other)}`)
  check(views === 0, `${name} ${views} view changes`)
  check(growth <= RSS_GROWTH_MIB_MAX, `${name} memory grew by ${growth.toFixed(0)} MiB`)
  check(afterMs <= 1_000, `${name} afterwards a call takes ${afterMs.toFixed(0)} ms`)
}

/** p99 of single calls within the five seconds that things may take to be normal again. */
async function plainCalls() {
  await sleep(4_000)
  const took = []
  for (let i = 0; i < 100; i++) {
    const startMs = performance.now()
    await callOnce(cluster.endpoints[i % 3], 'kv.put', { key: 'plain', value: i }, 10_000)
    took.push(performance.now() - startMs)
  }
  return quantile(took, 0.99)
}

/** Reads nothing while others write; then it gets everything, or is told where to go on. */
async function slowConsumer(peak, secs) {
  const { ws, call, events } = await open(cluster.endpoints[0])
  await call('kv.watch', { prefix: 'k' })
  ws.pause()
  await openLoop(cluster.endpoints, { perSecond: peak / 2, secs })
  const memory = residentMiB(cluster.pids[0])
  ws.resume()
  await callOnce(cluster.endpoints[0], 'kv.put', { key: 'kend', value: 1 })
  const ended = () =>
    events.some(each => each.kind === 'closed' || JSON.stringify(each).includes('kend'))
  for (let i = 0; i < 200 && !ended() && ws.readyState === ws.OPEN; i++) await sleep(50)
  const closed = events.find(each => each.kind === 'closed')
  const gaps = events.filter((each, i) => each.n !== i + 1).length
  console.log(
    `slow consumer: ${events.length} events, ${gaps} gaps, ${closed ? `closed: ${JSON.stringify(closed.result)}` : 'all delivered'}; node 1 has ${memory.toFixed(0)} MiB`,
  )
  check(gaps === 0, 'slow consumer: events are missing')
  check(ended(), 'slow consumer: neither the last event nor where to go on')
  ws.terminate()
}

async function comeAndGo() {
  const sizes = { subscriptions: 2_000, sessions: 200, reconnects: 200 }
  const { before, after } = await churn(cluster, sizes)
  console.log(
    `come and gone: ${JSON.stringify(sizes)}; files ${before.files} → ${after.files}, subscriptions ${before.subscriptions} → ${after.subscriptions}`,
  )
  check(after.files <= before.files + 5, 'files stay open')
  check(after.subscriptions <= before.subscriptions, 'subscriptions stay')
}
