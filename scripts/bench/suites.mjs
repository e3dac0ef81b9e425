/** What is measured on a cluster besides calls per second: start-up, fail-over, memory, steadiness. */
import { load } from './load.mjs'
import { Probe } from './probe.mjs'
import { residentMiB, sleep } from './processes.mjs'

const startTimeoutMs = 30_000
const failoverTimeoutMs = 20_000

/** Starts the processes; ms until the first acknowledged write. */
export async function startUp(cluster) {
  const started = performance.now()
  cluster.start()
  const probe = Probe.overHttp(cluster.endpoints)
  try {
    const ms = await probe.firstAfter(started, startTimeoutMs)
    if (ms === undefined) throw new Error(cluster.complaint('took no write'))
    return ms
  } finally {
    probe.close()
  }
}

/** kill -9 of the primary while writing: ms without an acknowledged write, once per kill. */
export async function failover(cluster, kills, onKill = () => {}) {
  const gaps = []
  for (let i = 0; i < kills; i++) {
    await cluster.settled()
    // Heartbeats and connections of a node that has just come back are not what is measured.
    await sleep(1_000)
    const probe = Probe.overHttp(cluster.endpoints)
    try {
      await sleep(500)
      const primary = await cluster.primary()
      if (primary < 0) throw new Error(cluster.complaint('had no primary'))
      const killed = performance.now()
      cluster.nodes[primary].kill('SIGKILL')
      const gap = await probe.firstAfter(killed, failoverTimeoutMs)
      if (gap === undefined) throw new Error(cluster.complaint('took no write'))
      gaps.push(gap)
      onKill(i, gap)
      await sleep(200)
      await cluster.nodes[primary].exited
      cluster.nodes[primary].start()
    } finally {
      probe.close()
    }
  }
  await cluster.settled()
  return gaps
}

/** Resident MiB of each node. */
export function memory(cluster) {
  return cluster.pids.map(residentMiB)
}

/** Each of `keys` keys once, in batches over HTTP. */
export async function fill(cluster, keys) {
  const endpoints = [await primaryEndpoint(cluster)]
  const work = { path: 'http', op: 'batch', inFlight: 16, fill: true, warmSecs: 0, secs: 120 }
  const result = await load({ ...work, endpoints, keys })
  if (result.errors > 0) throw new Error(`filling ${keys} keys: ${result.firstError}`)
  return result
}

/** Full load over both paths for so long: throughput, and how many views it went through. */
export async function soak(cluster, secs) {
  const base = { endpoints: [await primaryEndpoint(cluster)], secs, pids: cluster.pids, op: 'put' }
  const before = await cluster.view()
  const [ws, http] = await Promise.all([
    load({ ...base, path: 'ws', inFlight: 256 }),
    load({ ...base, path: 'http', inFlight: 64, pids: [] }),
  ])
  return {
    secs,
    viewChanges: (await cluster.view()) - before,
    putsPerSecond: ws.perSecond + http.perSecond,
    busyCores: ws.busyCores,
    maxMs: Math.max(ws.maxMs, http.maxMs),
    errors: ws.errors + http.errors,
    firstError: ws.firstError ?? http.firstError,
  }
}

export async function primaryEndpoint(cluster) {
  const primary = await cluster.primary()
  if (primary < 0) throw new Error(cluster.complaint('had no primary'))
  return cluster.endpoints[primary]
}
