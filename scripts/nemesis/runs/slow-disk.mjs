/** N12: disks take long to sync, or one sync hangs, on a backup, the primary, a majority, all of them. */
import { Cluster } from '../cluster.mjs'
import { call } from '../rpc.mjs'
import { sleep } from '../system.mjs'
import { settle, times } from '../verdict.mjs'
import { Workload } from '../workload.mjs'

const HEALED_MS_MAX = 5_000
const CALM_MS = 1_500
/** With a slow backup the others go on as before; the machine may be busy with more than us. */
const SHARE_MIN = 0.2

const backup = p => [(p + 1) % 3]
const primary = p => [p]
const majority = p => [p, (p + 1) % 3]
const all = () => [0, 1, 2]

/** 50 ms to 2 s more for each sync, the short ones as often as the long ones. */
const slow = random => ({ ms: Math.round(50 * 40 ** random()) })
/** One sync takes 5 s: the fault ends before there is a second one. */
const hung = () => ({ ms: 5_000, forMs: 200 })

/** What, where, and for how long. */
const FAULTS = [
  ['slow backup', slow, backup],
  ['hung primary', hung, primary],
  ['slow majority', slow, majority],
  ['slow primary', slow, primary],
  ['hung backup', hung, backup],
  ['slow disks', slow, all],
  ['hung majority', hung, majority],
  ['hung disks', hung, all],
]
/** All reaches but one: what a short run has. */
const ROUNDS_MIN = 4

export const slowDisk = {
  name: 'slow-disk',
  needs: ['daemons'],
  about: 'disks are slow, or hang for 5 s, on one, on the primary, on a majority, on all',
  async run({ rounds, random }) {
    const cluster = new Cluster({ yaml: () => 'chaos: true' })
    const load = new Workload(cluster)
    let paces
    try {
      await cluster.startAll()
      await cluster.untilWritable()
      load.start()
      paces = new Paces(cluster)
      const figures = await torment(cluster, load, paces, Math.max(rounds, ROUNDS_MIN), random)
      await paces.stop()
      return { ...figures, ...(await settle(cluster, load)) }
    } finally {
      load.stopping = true
      await cluster.stop()
      await paces?.stop()
    }
  },
}

async function torment(cluster, load, paces, rounds, random) {
  const healed = []
  const shares = new Map()
  let handedOver = 0
  for (let round = 0; round < rounds; round++) {
    const [what, draw, reach] = FAULTS[round % FAULTS.length]
    await load.more(50)
    const nodes = reach(await cluster.primary())
    const fault = draw(random)
    const others = nodes.length === 3 ? nodes : all().filter(i => !nodes.includes(i))
    const calm = await paces.measure(others, CALM_MS)
    const before = await Promise.all(nodes.map(i => syncSeconds(cluster.url(i))))
    for (const i of nodes) await call(cluster.url(i), 'chaos.slowDisk', fault)
    const under = await paces.measure(
      others,
      fault.forMs === undefined ? 2000 + random() * 2000 : fault.ms,
    )
    const now = await cluster.primary()
    if (nodes.length === 1 && what.endsWith('primary') && now !== nodes[0]) handedOver++
    for (const i of nodes) await call(cluster.url(i), 'chaos.heal')
    await bitten(cluster, nodes, before, fault.ms)
    healed.push(await cluster.untilHealed(what, HEALED_MS_MAX))
    shares.set(what, [...(shares.get(what) ?? []), under / calm])
  }
  return { rounds, ...judged(shares), 'handed over': handedOver, healed: times(healed) }
}

/** One writer at each node, who waits for nobody else: how fast it goes through the nodes that are not slow. */
class Paces {
  #counts = [0, 0, 0]
  #running
  #isStopping = false

  constructor(cluster) {
    this.#running = cluster.all.map(i => this.#write(i, cluster.url(i)))
  }

  async #write(i, url) {
    while (!this.#isStopping) {
      const params = { key: `pace/${i}`, value: this.#counts[i], meta: { timeoutMs: 1000 } }
      const done = await call(url, 'kv.put', params).catch(() => sleep(20))
      if (done) this.#counts[i]++
    }
  }

  /** Acknowledged writes a second. */
  async measure(nodes, ms) {
    const sum = () => nodes.reduce((total, i) => total + this.#counts[i], 0)
    const begun = sum()
    const before = performance.now()
    await sleep(ms)
    return (1000 * (sum() - begun)) / (performance.now() - before)
  }

  async stop() {
    this.#isStopping = true
    await Promise.all(this.#running)
  }
}

/** At each of these nodes a sync took as long as it was told to. */
async function bitten(cluster, nodes, before, ms) {
  for (const [k, i] of nodes.entries()) {
    const until = performance.now() + 2 * ms
    while ((await syncSeconds(cluster.url(i))) - before[k] < ms / 1000) {
      if (performance.now() > until) throw new Error(`no sync of n${i + 1} took ${ms} ms`)
      await sleep(50)
    }
  }
}

/** That all syncs of a node took since it started. */
async function syncSeconds(url) {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^viewstamp_fsync_seconds_sum (\S+)$/m.exec(text)[1])
}

/** Pace under each fault as a share of that before it: the least. */
function judged(shares) {
  const least = [...shares].map(([what, list]) => [what, Math.min(...list)])
  for (const [what, share] of least) {
    if (what.endsWith(' backup') && share < SHARE_MIN) {
      throw new Error(`${what}: the others did ${percent(share)} of what they do`)
    }
  }
  return Object.fromEntries(least.map(([what, share]) => [what, percent(share)]))
}

const percent = share => `${Math.round(100 * share)} %`
