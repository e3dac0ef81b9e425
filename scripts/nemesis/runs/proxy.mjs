/**
 * N4: all that the nodes say to each other passes proxies of ours, which delay, corrupt, swallow, hold, reset and
 * throttle it; and so does what clients ask and are told, which is cut off now and then.
 */
import { Cluster } from '../cluster.mjs'
import { ExactlyOnce } from '../exactly-once.mjs'
import {
  BRIDGE_HOST,
  closeToOthers,
  host,
  knocks,
  makeLinks,
  removeLinks,
  wrap,
} from '../links.mjs'
import { Proxies } from '../proxy.mjs'
import { call } from '../rpc.mjs'
import { sleep } from '../system.mjs'
import { settle, times } from '../verdict.mjs'
import { Workload } from '../workload.mjs'

const N = 3
const CLIENTS = 3
/** Not healed at all, for a run; five seconds are what `npm run reliability` looks for. */
const HEALED_MS_MAX = 15_000
const ENDED_MS_MAX = 10_000
const name = i => `n${i + 1}`
const both = ([a, b]) => [
  [a, b],
  [b, a],
]
const LINKS = [
  [0, 1],
  [1, 2],
  [2, 0],
]

/** Which directions, with the primary p. */
const REACHES = {
  'one link': p => both([p, (p + 1) % N]),
  "the primary's links": p => LINKS.filter(link => link.includes(p)).flatMap(both),
  'all links': () => LINKS.flatMap(both),
}

/** Steady enough for the time-out of a view, 250 ms, that heartbeats come within it. */
const late = ms => ({ kind: 'delay', fromMs: ms, toMs: ms + 90 })

/**
 * Each is drawn anew. `oneWay`: one direction of each link only. `stops`: on all links nothing need be written
 * meanwhile; else writes go on, slowly.
 */
const FAULTS = {
  delay: { draw: random => late(10 + random() * 400) },
  corrupt: { draw: random => ({ kind: 'corrupt', share: 0.01 + random() * 0.09 }), stops: true },
  swallow: { draw: () => ({ kind: 'swallow' }), oneWay: true, stops: true },
  hold: { draw: () => ({ kind: 'hold' }), stops: true },
  reset: { draw: random => ({ kind: 'reset', bytes: 100_000 + random() * 400_000 }) },
  throttle: { draw: () => ({ kind: 'throttle', bytesPerSecond: 8_000 }), stops: true },
}
/** Share of what clients are told that does not reach them whole. */
const CUT = { kind: 'cut', share: 0.02 }

export const proxy = {
  name: 'proxy',
  needs: ['namespaces', 'network'],
  about: 'proxies between the nodes delay, corrupt, swallow, hold, reset and throttle',
  async run({ rounds, random }) {
    makeLinks(N)
    const between = new Proxies({ random })
    const before = new Proxies({ random })
    const cluster = new Cluster({ host, wrap, door: await doors(between) })
    const load = new Workload(cluster)
    const once = new ExactlyOnce(await clientDoors(before))
    try {
      await cluster.startAll()
      await cluster.untilWritable()
      load.start()
      once.start(CLIENTS)
      const figures = await torment({ cluster, load, between, rounds, random })
      before.heal()
      await once.stop()
      const settled = await settle(cluster, load)
      await once.verify(cluster.url(0))
      await nobodyPassedBy(cluster, between)
      return { ...figures, ...settled, ...judged(once, before) }
    } finally {
      load.stopping = true
      await cluster.stop()
      await once.stop()
      for (const each of [between, before]) each.close()
      removeLinks(N)
    }
  },
}

/** Where the nodes find each other. */
async function doors(between) {
  const ports = []
  for (let i = 0; i < N; i++) {
    closeToOthers(i)
    const nameOf = address => name(Number(address.split('.')[3]) - 1)
    const target = { host: host(i), port: 7400 }
    ports.push(await between.open({ name: name(i), target, host: BRIDGE_HOST, nameOf }))
  }
  return i => `/ip4/${BRIDGE_HOST}/tcp/${ports[i]}`
}

/** Where clients find them. */
async function clientDoors(before) {
  const urls = []
  for (let i = 0; i < N; i++) {
    const target = { host: host(i), port: 7401 }
    const nameOf = () => 'client'
    const port = await before.open({ name: name(i), target, host: BRIDGE_HOST, nameOf })
    urls.push(`http://${BRIDGE_HOST}:${port}`)
    for (const [from, to] of both([name(i), 'client'])) before.harm(from, to, CUT)
  }
  return urls
}

async function torment({ cluster, load, between, rounds, random }) {
  const kinds = Object.keys(FAULTS)
  const reaches = Object.keys(REACHES)
  const healed = []
  const through = []
  let round = 0
  // All kinds at least once; all pairs of kind and reach in eighteen.
  for (; round < Math.max(rounds, kinds.length); round++) {
    const kind = kinds[round % kinds.length]
    const reach = reaches[(round + Math.floor(round / kinds.length)) % reaches.length]
    const what = `${kind} on ${reach}`
    await load.more(50)
    const bitten = between.counted(kind)
    harm(between, FAULTS[kind], REACHES[reach](await cluster.primary()), random)
    if (!FAULTS[kind].stops || reach !== 'all links') through.push(await goOn(cluster, load, what))
    await sleep(1000 + random() * 2000)
    between.heal()
    allUp(cluster, what)
    if (between.counted(kind) === bitten) throw new Error(`${what} did nothing`)
    healed.push(await cluster.untilHealed(what, HEALED_MS_MAX))
    await corruptEnd(between)
  }
  const [, slowest] = through.sort(([a], [b]) => b - a)[0]
  const writes = { '20 writes under a fault': times(through.map(([took]) => took)), slowest }
  return { rounds: round, ...writes, healed: times(healed) }
}

function allUp(cluster, what) {
  const down = cluster.all.find(i => !cluster.isUp(i))
  if (down === undefined) return
  throw new Error(`${what}: n${down + 1} ended: ${cluster.lastWords(down)}`)
}

/** Gives the ms that twenty writes took, and under what. */
async function goOn(cluster, load, what) {
  const before = performance.now()
  await load.more(20).catch(error => {
    allUp(cluster, what)
    throw new Error(`${what}: ${error.message}`)
  })
  return [performance.now() - before, what]
}

function harm(between, { draw, oneWay }, ways, random) {
  const turned = random() < 0.5 ? 0 : 1
  const chosen = oneWay ? ways.filter((_, k) => k % 2 === turned) : ways
  for (const [from, to] of chosen) between.harm(name(from), name(to), draw(random))
}

/** Nobody believes what was changed: whoever got it ends the connection. */
async function corruptEnd(between) {
  const until = performance.now() + ENDED_MS_MAX
  while (between.corruptOpen > 0) {
    if (performance.now() > until) {
      throw new Error(`${between.corruptOpen} connections go on with bytes that were changed`)
    }
    await sleep(50)
  }
}

/** The proxies have seen all there was, else what they did shows nothing. */
async function nobodyPassedBy(cluster, between) {
  for (const [a, b] of LINKS.flatMap(both)) {
    const bytes = between.counted('bytes', name(a), name(b))
    if (bytes < 10_000) throw new Error(`only ${bytes} bytes went from ${name(a)} to ${name(b)}`)
  }
  for (const i of cluster.all) {
    if (knocks(i) > 0) throw new Error(`${name(i)} was sought at an address that is no door`)
    const { peers } = await call(cluster.url(i), 'cluster.status')
    const strange = peers.flatMap(peer => peer.addresses).find(at => !at.includes(BRIDGE_HOST))
    if (strange !== undefined) throw new Error(`${name(i)} knows of ${strange}, which is no door`)
  }
}

function judged(once, before) {
  const cuts = before.counted('cut')
  const answered = once.counts.reduce((sum, count) => sum + count, 0)
  if (once.lies.length > 0) throw new Error(`not once: ${once.lies[0]}`)
  if (cuts === 0 || once.unanswered === 0) throw new Error('no answer was cut off')
  return { once: answered, 'cut off': cuts, 'sent again': once.unanswered }
}
