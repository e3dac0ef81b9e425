/** A feed under load while primaries are killed, stopped and restarted; all that anybody was told is judged. */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadSimulator } from '../../bundle-sim.mjs'
import { Cluster } from '../cluster.mjs'
import { FAULTS } from '../faults.mjs'
import { DOCTORED } from '../feed-doctored.mjs'
import { FEED, FeedWorld, look, PARTITIONS, produce, whole } from '../feed-load.mjs'
import { ACK_WAIT_MS, member, QUEUE, workers } from '../feed-members.mjs'
import { events, poll, subscribe } from '../feed-readers.mjs'
import { call } from '../rpc.mjs'
import { sleep } from '../system.mjs'
import { ms } from '../verdict.mjs'

/** One after the other, as often as there is time. */
const TURN = ['kill-primary', 'stop-primary', 'rolling-restart', 'stop-flicker', 'kill-and-stop']
const CALM_MS = 1000
const STOP_MS = 4000
const DRAINED_MS = 60_000

export const feeds = {
  name: 'feeds',
  needs: ['daemons'],
  about: 'producers, readers and groups of a feed, while primaries are killed and stopped',
  async run({ seconds, random }) {
    const cluster = new Cluster({
      yaml: () => 'storage: { checkpointEvery: 500, keepLog: { ops: 1000 } }',
    })
    const world = new FeedWorld(cluster, random)
    try {
      await cluster.startAll()
      await cluster.untilWritable()
      await prepare(cluster.url(0))
      const { producers, readers, consumers } = begin(world)
      const faults = await torment(cluster, seconds)
      const answeredMs = await cluster.untilWritable()
      world.isOver = true
      await producers
      const drainedMs = await drain(world, readers)
      world.isDone = true
      await Promise.all([consumers, ...readers.map(({ over }) => over)])
      const agreedMs = await cluster.agree()
      await readAll(world)
      const done = { answered: ms(answeredMs), drained: ms(drainedMs), agreed: ms(agreedMs) }
      return { faults, ...(await judged(world)), ...done }
    } finally {
      world.isOver = true
      world.isDone = true
      await cluster.stop()
    }
  },
}

async function prepare(url) {
  await call(url, 'feed.create', { feed: FEED, partitions: PARTITIONS, dedupeMs: 3_600_000 })
  await call(url, 'group.create', { feed: FEED, group: 'cursor' })
  const queue = { mode: 'queue', ackWaitMs: ACK_WAIT_MS }
  await call(url, 'group.create', { feed: FEED, group: QUEUE.group, ...queue })
}

function begin(world) {
  world.facts.push(QUEUE)
  const producers = Promise.all([
    ...[0, 1, 2].map(i => produce(world, `patient${i}`, { isPatient: true })),
    ...[0, 1].map(i => produce(world, `hasty${i}`, { isPatient: false })),
    produce(world, 'batch', { isPatient: false, batch: 3 }),
    look(world, 'look'),
  ])
  const readers = [
    ...[0, 1].map(i => poll(world, `poll${i}`)),
    ...[0, 1, 2].map(i => subscribe(world, `socket${i}`)),
    ...[0, 1].map(i => events(world, `events${i}`)),
  ]
  const consumers = Promise.all([
    ...Array.from({ length: PARTITIONS }, (_, i) => workers(world, 'cursor', i)),
    ...[0, 1, 2].map(i => member(world, `m${i}`)),
  ])
  // They are waited for at the end; what breaks one before is told there.
  for (const each of [producers, consumers]) each.catch(() => undefined)
  return { producers, readers, consumers }
}

async function torment(cluster, seconds) {
  const end = performance.now() + 1000 * seconds
  let faults = 0
  do {
    await sleep(CALM_MS)
    await FAULTS[TURN[faults++ % TURN.length]](cluster, STOP_MS)
    await cluster.untilWritable()
  } while (performance.now() < end)
  return faults
}

/** Until everybody has everything. Gives the ms it took. */
async function drain(world, readers) {
  const before = performance.now()
  for (;;) {
    const waited = await whatWaits(world, readers)
    if (waited === undefined) return performance.now() - before
    if (performance.now() - before > DRAINED_MS) throw new Error(`${waited} after 60 s`)
    await sleep(100)
  }
}

async function whatWaits(world, readers) {
  const slow = readers.find(({ position }) => !position.isAt(world.ends))
  if (slow) return `${slow.client} is at ${slow.position.next} of ${world.ends}`
  for (const group of ['cursor', QUEUE.group]) {
    const { lag } = await call(world.cluster.url(0), 'group.info', { feed: FEED, group })
    if (lag > 0) return `group ${group} has ${lag} records to do`
  }
  return undefined
}

/** Every node gives the whole, twice: the same bytes. */
async function readAll(world) {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const texts = new Set()
    for (const i of [...world.cluster.all, ...world.cluster.all]) {
      texts.add(await whole(world, i, partition))
    }
    if (texts.size > 1) throw new Error(`partition ${partition} is not the same bytes everywhere`)
  }
}

/** The verdict; and the same history, made bad in every way, must be called bad. */
async function judged({ facts, errors }) {
  const { explainFeed, judgeFeed } = await loadSimulator([], 'src/check/main.ts')
  const { verdict, problems } = judgeFeed(facts)
  if (verdict !== 'ok') {
    const file = join(tmpdir(), `viewstamp-feed-history-${process.pid}.jsonl`)
    writeFileSync(file, facts.map(fact => JSON.stringify(fact)).join('\n'))
    const told = problems.slice(0, 5).map(explainFeed).join('\n')
    throw new Error(`${verdict}: ${told}\nthe history: ${file}`)
  }
  for (const [name, doctor] of Object.entries(DOCTORED)) {
    if (judgeFeed(doctor(facts)).verdict === 'bad') continue
    throw new Error(`the judge does not notice that ${name}`)
  }
  const of = (...types) => facts.filter(({ type }) => types.includes(type))
  const acknowledged = of('publish').filter(({ status }) => status === 'ok').length
  if (acknowledged < 500) throw new Error(`only ${acknowledged} records: the run says nothing`)
  return {
    acknowledged,
    unknown: of('publish').filter(({ status }) => status === 'info').length,
    refused: of('publish').filter(({ status }) => status === 'fail').length,
    pages: of('page').length,
    commits: of('commit').length,
    leases: of('lease').length,
    redelivered: of('lease').filter(({ attempt }) => attempt > 1).length,
    errors: [...errors.values()].reduce((sum, each) => sum + each, 0),
    doctored: Object.keys(DOCTORED).length,
  }
}
