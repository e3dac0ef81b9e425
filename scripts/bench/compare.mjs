/**
 * `npm run bench -- --peers DIR`: Viewstamp, etcd and ZooKeeper in turn on this machine, the same
 * work for each, in rounds, so that what disturbs the machine disturbs all of them. Only ratios of
 * one such run mean anything.
 */
import { join } from 'node:path'
import { Harness } from './peers/harness.mjs'
import { median, sleep } from './processes.mjs'
import { decimal, table, whole } from './report.mjs'

/** Row of the table → what each system does for it; `wanted`: times the peer's figure, at least. */
const work = [
  {
    name: 'put, one HTTP call each (wrk), 64 in flight',
    viewstamp: { path: 'wrk', op: 'put', inFlight: 64 },
    etcd: { path: 'wrk', op: 'put', inFlight: 64, wanted: 2 },
  },
  {
    name: 'the same from a generator in Node',
    viewstamp: { path: 'viewstamp-http', op: 'put', inFlight: 64 },
    etcd: { path: 'etcd-http', op: 'put', inFlight: 64, wanted: 2 },
  },
  ...[1, 16, 64, 256, 1024].map(pipelined),
  {
    name: 'puts in batches of 64, 16 in flight',
    viewstamp: { path: 'viewstamp-http', op: 'batch', inFlight: 16 },
    etcd: { path: 'etcd-grpc', op: 'batch', inFlight: 16, wanted: 1 },
    zookeeper: { path: 'zookeeper', op: 'batch', inFlight: 16 },
  },
  {
    name: 'linearizable get, 64 in flight (ZooKeeper: not linearizable)',
    viewstamp: { path: 'viewstamp-ws', op: 'get', inFlight: 64 },
    etcd: { path: 'etcd-go', op: 'get', inFlight: 64, wanted: 1.5 },
    zookeeper: { path: 'zookeeper', op: 'sget', inFlight: 64 },
  },
]

/** Over one WebSocket; over gRPC from etcd's client for Go; over ZooKeeper's own protocol. */
function pipelined(inFlight) {
  const main = inFlight === 256
  return {
    name: `put, pipelined, ${inFlight} in flight`,
    viewstamp: { path: 'viewstamp-ws', op: 'put', inFlight },
    etcd: { path: 'etcd-go', op: 'put', inFlight, wanted: main ? 1.5 : undefined },
    zookeeper: { path: 'zookeeper', op: 'put', inFlight, wanted: main ? 1 : undefined },
  }
}

/** One value per round, lower is better; `below`: the figure of the target. */
const singles = [
  ['startMs', 'start-up to the first acknowledged write, ms', 2_000],
  ['failoverMs', 'gap after kill -9 of the leader, ms', 500],
  ['idleMiB', 'resident MiB per node, idle', 120],
  ['loadedMiB', 'resident MiB per node, after the load', 300],
]

export async function compare(options) {
  const harness = new Harness(options.peers)
  const found = new Map(options.systems.map(system => [system, emptyFigures()]))
  for (let round = 0; round < options.rounds; round++) {
    for (const [system, figures] of found) {
      await measure(harness, system, figures, { ...options, round })
    }
  }
  const result = Object.fromEntries(found)
  if (options.json) return void process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`)
  process.stdout.write(`\n${ratios(found)}\n\n${cpuTable(found)}\n\n${smallTable(found)}\n`)
}

function emptyFigures() {
  return { samples: [], startMs: [], failoverMs: [], idleMiB: [], loadedMiB: [] }
}

async function measure(harness, system, figures, options) {
  const { round, rounds, say, dir, quick } = options
  // wrk knows whole seconds only.
  const secs = Math.ceil(options.secs)
  const running = await harness.boot(system, join(dir, `${system}-${round}`))
  try {
    figures.startMs.push(running.startMs)
    await sleep(2_000)
    figures.idleMiB.push(...harness.memory(running))
    await running.cluster.prepare()
    const warmUp = work.find(row => row[system] !== undefined)[system]
    await harness.sample(running, warmUp, { secs: quick ? 1 : 3, warm: 1 })
    for (const row of work) {
      if (row[system] === undefined) continue
      const sample = await harness.sample(running, row[system], { secs, warm: 1 })
      say(`${system}: ${row.name}: ${whole(sample.ops_s)}/s, p50 ${decimal(sample.p50)} ms`)
      figures.samples.push({ system, row: row.name, round, ...sample })
    }
    figures.loadedMiB.push(...harness.memory(running))
    if (round < rounds - 1) return
    for (let kill = 0; kill < options.kills; kill++) {
      const gap = await harness.failover(running)
      say(`${system}: kill -9 of the leader: ${whole(gap)} ms`)
      figures.failoverMs.push(gap)
      // A node that was killed must be back in its cluster before the next one goes.
      await sleep(system === 'zookeeper' ? 5_000 : 3_000)
    }
  } finally {
    await harness.shutDown(running)
  }
}

function ratios(found) {
  const peers = [...found.keys()].filter(system => system !== 'viewstamp')
  const head = ['work, per second', 'Viewstamp', ...peers.flatMap(peer => [peer, 'ratio (wanted)'])]
  const rows = work.map(row => {
    const ours = medianOf(found.get('viewstamp'), row.name)
    return [
      row.name,
      whole(ours),
      ...peers.flatMap(peer => against(found.get(peer), row, peer, ours)),
    ]
  })
  const errors = [...found].flatMap(([, figures]) => figures.samples.filter(s => s.errs > 0))
  const complaints = errors.map(
    s => `${s.system}, ${s.row}: ${s.errs} errors (${s.firstErr ?? '?'})`,
  )
  return [table(head, rows), ...complaints].join('\n')
}

function against(figures, row, peer, ours) {
  if (row[peer] === undefined) return ['', '']
  const theirs = medianOf(figures, row.name)
  const { wanted } = row[peer]
  const ratio = `× ${decimal(ours / theirs)}`
  return [whole(theirs), wanted === undefined ? ratio : `${ratio} (${wanted})`]
}

function medianOf(figures, row, member = 'ops_s') {
  const samples = figures?.samples.filter(sample => sample.row === row) ?? []
  return median(samples.map(sample => sample[member]))
}

/** Less disturbed by other programs than calls per second are. */
function cpuTable(found) {
  const rows = work.map(({ name }) => [
    name,
    ...[...found.values()].map(figures => decimal(medianOf(figures, name, 'srv_cpu_per_10k'))),
  ])
  return table(['CPU seconds of all nodes per 10 000', ...found.keys()], rows)
}

function smallTable(found) {
  const rows = singles.map(([member, name, below]) => [
    name,
    ...[...found.values()].map(figures => decimal(median(figures[member]))),
    `under ${whole(below)}`,
  ])
  return table(['median', ...found.keys(), 'wanted of us'], rows)
}
