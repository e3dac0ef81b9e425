/** Producers and readers of one feed over all nodes. What they ask and are told is the history (src/check). */
import { createHash } from 'node:crypto'
import { CallError, call } from './rpc.mjs'
import { sleep } from './system.mjs'

export const FEED = 'nemesis'
export const PARTITIONS = 3
const CALL_MS = 2000
/** The daemon says what became of a call before we lose patience. */
const GRACE_MS = 3000
/** A producer draws breath, so that those who read keep up on a small machine. */
const BREATH_MS = 4

const hash = text => createHash('sha1').update(text).digest('base64').slice(0, 16)

/** How records of an answer are written down. */
export const seen = records =>
  records.map(record => ({
    offset: record.offset,
    id: record.id,
    bytes: hash(JSON.stringify(record)),
  }))

/** What all clients of a run have in common. */
export class FeedWorld {
  facts = []
  /** No more is published. */
  isOver = false
  /** Nobody does anything any more. */
  isDone = false
  /** Where each partition ends, as far as anybody was told. */
  ends = new Array(PARTITIONS).fill(0)
  errors = new Map()
  #begun = performance.now()
  #turn = 0

  constructor(cluster, random) {
    this.cluster = cluster
    this.random = random
  }

  now() {
    return Math.round(10 * (performance.now() - this.#begun)) / 10
  }

  /** Another one each time. */
  node() {
    const i = this.#turn++ % this.cluster.n
    return { name: `n${i + 1}`, url: this.cluster.url(i) }
  }

  draw(n) {
    return Math.floor(this.random() * n)
  }

  /** One call at one node: what was told of it, with the times. */
  async ask(method, params, { timeoutMs = CALL_MS, meta = {} } = {}) {
    const { name, url } = this.node()
    const called = this.now()
    const asked = { ...params, meta: { ...meta, timeoutMs } }
    try {
      const result = await call(url, method, asked, timeoutMs + GRACE_MS)
      return { result, about: { called, returned: this.now(), node: name } }
    } catch (error) {
      if (!(error instanceof CallError) && error.code === undefined) throw error
      const isRefused = error.code === 'ECONNREFUSED' || error.outcome === 'none'
      const outcome = isRefused ? 'none' : 'unknown'
      const what = `${error.errorName ?? error.code} (${outcome})`
      this.errors.set(what, (this.errors.get(what) ?? 0) + 1)
      await sleep(20)
      return { error, outcome, about: { called, returned: this.now(), node: name } }
    }
  }

  page(client, kind, { partition, records, next, about, from = records[0]?.offset ?? next, end }) {
    this.ends[partition] = Math.max(this.ends[partition], next, end ?? 0)
    const what = { type: 'page', client, kind, partition, from, next, records: seen(records) }
    this.facts.push({ ...what, ...about, ...(end !== undefined && { end }) })
  }
}

/**
 * Publishes one after the other. One that is patient sends again, with the same id, until it knows; another takes
 * the outcome for what it is, and goes on with the next.
 */
export async function produce(world, client, { isPatient, batch = 1 }) {
  for (let n = 0; !world.isOver; n++) {
    const ids = Array.from({ length: batch }, (_, i) => `${client}-${n}.${i}`)
    const records = ids.map(id => ({ feed: FEED, key: client, id, value: { client, n, at: id } }))
    const method = batch === 1 ? 'feed.publish' : 'feed.publishBatch'
    const params = batch === 1 ? records[0] : { records }
    const first = world.now()
    let isUnknown = false
    let said = await world.ask(method, params)
    for (; said.error !== undefined; said = await world.ask(method, params)) {
      isUnknown ||= said.outcome === 'unknown'
      if (!isPatient || world.isDone) break
    }
    const results = said.error ? [] : (said.result.results ?? [said.result])
    ids.forEach((id, i) => {
      const status = said.error === undefined ? 'ok' : isUnknown ? 'info' : 'fail'
      const { partition, offset } = results[i] ?? {}
      if (offset !== undefined) world.ends[partition] = Math.max(world.ends[partition], offset + 1)
      const times = { ...said.about, called: first }
      const more = batch > 1 ? { batch: `${client}-${n}` } : {}
      world.facts.push({
        type: 'publish',
        client,
        id,
        status,
        partition,
        offset,
        ...more,
        ...times,
      })
    })
    await sleep(BREATH_MS)
  }
}

/** Looks anywhere, at any node; every other time it must be told of all that was acknowledged. */
export async function look(world, client) {
  while (!world.isOver) {
    const partition = world.draw(PARTITIONS)
    const from = world.draw(world.ends[partition] + 1)
    const isFresh = world.draw(2) === 0
    const meta = isFresh ? {} : { consistency: 'local' }
    const params = { feed: FEED, partition, from, limit: 1 + world.draw(50) }
    const { result, about } = await world.ask('feed.read', params, { meta })
    if (result) {
      const { records, next, last } = result
      const end = isFresh ? last + 1 : undefined
      world.page(client, 'look', { partition, from, records, next, end, about })
    }
    await sleep(BREATH_MS * 3)
  }
}

/** All of a partition, as a node gives it: its bytes, and the fact. */
export async function whole(world, i, partition) {
  const called = world.now()
  const url = `${world.cluster.url(i)}/feeds/${FEED}.ndjson?partition=${partition}`
  const text = await (await fetch(url)).text()
  const records = text
    .split('\n')
    .filter(line => line !== '')
    .map(line => ({ text: line, ...JSON.parse(line) }))
  const facts = records.map(({ offset, id, text: line }) => ({ offset, id, bytes: hash(line) }))
  const about = { called, returned: world.now(), node: `n${i + 1}` }
  const place = { partition, from: 0, next: records.length, records: facts }
  world.facts.push({
    type: 'page',
    client: `whole ${about.node}`,
    kind: 'whole',
    ...place,
    ...about,
  })
  return text
}
