/**
 * The workload of a feed of its own: clients publish, repeat themselves, follow and look, through any node. What they
 * asked and were told is a history that src/check/feed-judge.ts judges.
 */
import { createHash } from 'node:crypto'
import type { Json, JsonObject } from '../../base/json.ts'
import { Prng } from '../../base/prng.ts'
import type { FeedFact, FeedPage, SeenRecord } from '../../check/feed-history.ts'
import { ViewstampError } from '../../client/error.ts'
import { pause } from '../../client/pause.ts'
import { objects } from '../cluster-nodes.ts'
import { type Agreement, agreement } from './agree.ts'
import { answering, type RunOptions } from './run.ts'
import type { CheckedNode, World } from './world.ts'

const PARTITIONS = 3
const PAUSE_MS = 20
const PAGE = 100
/** Of the whole, at the end. */
const WHOLE_PAGE = 1_000

export class FeedLoad {
  readonly world: World
  readonly feed: string
  readonly facts: FeedFact[] = []
  /** Where partitions end, as far as anybody was told. */
  readonly ends: number[] = new Array(PARTITIONS).fill(0)

  constructor(world: World, runId: string) {
    this.world = world
    this.feed = `viewstamp-check.${runId}`
  }

  /** One answer, or what the error says of the write. */
  async ask(
    node: CheckedNode,
    method: string,
    params: JsonObject,
  ): Promise<JsonObject | ViewstampError> {
    try {
      return await this.world.call(node, method, { feed: this.feed, ...params })
    } catch (error) {
      if (!(error instanceof ViewstampError)) throw error
      this.world.countError(error.name, error.outcome)
      await pause(PAUSE_MS)
      return error
    }
  }

  /** False: a time long enough has passed without one. */
  async untilDone(prng: Prng, method: string, params: JsonObject): Promise<boolean> {
    const end = this.world.now() + this.world.patienceMs
    while (this.world.now() < end) {
      const answer = await this.ask(this.world.anyNode(prng), method, params)
      if (!(answer instanceof ViewstampError)) return true
    }
    return false
  }

  /** Of all records of a partition below `end`, as this node gives them. */
  async whole(node: CheckedNode, partition: number, end: number): Promise<FeedPage | undefined> {
    const records: SeenRecord[] = []
    const called = this.world.now()
    const last = called + this.world.patienceMs
    for (let next = 0; next < end; ) {
      const page = await this.ask(node, 'feed.read', { partition, from: next, limit: WHOLE_PAGE })
      if (page instanceof ViewstampError) {
        if (this.world.now() > last) return undefined
        continue
      }
      records.push(...seen(page['records']).filter(({ offset }) => offset < end))
      // An answer that leads nowhere is a finding, not a reason to ask for ever.
      if (Number(page['next']) <= next) break
      next = Number(page['next'])
    }
    const at = { called, returned: this.world.now(), node: node.name, client: node.name }
    return { type: 'page', kind: 'whole', ...at, partition, from: 0, next: end, records }
  }
}

/** Asks one thing at a time. */
class FeedClient {
  readonly #load: FeedLoad
  readonly #prng: Prng
  readonly #name: string
  /** It follows this one. */
  readonly #partition: number
  #next = 0
  #published = 0

  constructor(load: FeedLoad, prng: Prng, number: number) {
    this.#load = load
    this.#prng = prng
    this.#name = `c${number}`
    this.#partition = number % PARTITIONS
  }

  async step(): Promise<void> {
    const draw = this.#prng.int(1, 100)
    if (draw <= 45) await this.#publish('publish')
    else if (draw <= 55) await this.#publish('batch')
    else if (draw <= 80) await this.#follow()
    else await this.#look()
  }

  /** Half of them are sent until it is known what became of them; the others once. */
  async #publish(how: 'publish' | 'batch'): Promise<void> {
    const { world } = this.#load
    const count = how === 'batch' ? this.#prng.int(2, 4) : 1
    const partition = this.#prng.int(0, PARTITIONS - 1)
    const records = Array.from({ length: count }, () => {
      const id = `${this.#name}.${++this.#published}`
      return { feed: this.#load.feed, partition, value: id, id }
    })
    const called = world.now()
    const isOnce = this.#prng.chance(0.5)
    let node = world.anyNode(this.#prng)
    let told = await this.#send(node, records)
    while (told === 'info' && isOnce && world.now() - called < world.patienceMs / 2) {
      node = world.anyNode(this.#prng, node)
      const again = await this.#send(node, records)
      // «Not done» of a repeat says nothing of what was sent before.
      if (again !== 'fail') told = again
    }
    const at = { called, returned: world.now(), node: node.name, client: this.#name }
    const batch = count > 1 ? { batch: String(records[0]?.id) } : {}
    records.forEach(({ id }, i) => {
      const result = Array.isArray(told) ? told[i] : undefined
      const status = Array.isArray(told) ? ('ok' as const) : (told as 'fail' | 'info')
      this.#load.facts.push({ type: 'publish', ...at, ...batch, id, status, ...result })
    })
    if (!Array.isArray(told)) return
    for (const { offset } of told) this.#reached(partition, offset + 1)
    if (this.#prng.chance(0.1)) await this.#repeat(records, told, node)
  }

  async #send(node: CheckedNode, records: readonly JsonObject[]): Promise<Told> {
    const [record] = records
    const answer =
      records.length === 1
        ? await this.#load.ask(node, 'feed.publish', record ?? {})
        : await this.#load.ask(node, 'feed.publishBatch', { records })
    if (answer instanceof ViewstampError) return answer.outcome === 'none' ? 'fail' : 'info'
    const results = records.length === 1 ? [answer] : objects(answer['results'])
    return results.map(({ partition, offset }) => ({
      partition: Number(partition),
      offset: Number(offset),
    }))
  }

  /** What was published is sent again through another node: it must be where it was. */
  async #repeat(
    records: readonly JsonObject[],
    told: readonly Place[],
    node: CheckedNode,
  ): Promise<void> {
    const other = this.#load.world.anyNode(this.#prng, node)
    const again = await this.#send(other, records)
    if (!Array.isArray(again) || JSON.stringify(again) === JSON.stringify(told)) return
    this.#load.world.lies.push(
      `${records.map(({ id }) => id).join(', ')}: ${node.name} said ${JSON.stringify(told)}, and when it was sent again ${other.name} said ${JSON.stringify(again)}`,
    )
  }

  /** From whatever node, as of what it has executed: who is behind may have nothing yet. */
  async #follow(): Promise<void> {
    const partition = this.#partition
    const params = { partition, from: this.#next, limit: PAGE, meta: { consistency: 'local' } }
    const page = await this.#read('stream', params)
    if (page) this.#next = page.next
  }

  async #look(): Promise<void> {
    const partition = this.#prng.int(0, PARTITIONS - 1)
    const end = this.#load.ends[partition] ?? 0
    const from = this.#prng.chance(0.7) ? Math.max(0, end - 5) : this.#prng.int(0, end)
    await this.#read('look', { partition, from, limit: this.#prng.pick([1, 10, PAGE]) })
  }

  async #read(
    kind: 'stream' | 'look',
    params: { readonly partition: number; readonly from: number } & JsonObject,
  ): Promise<FeedPage | undefined> {
    const { world, facts } = this.#load
    const { partition, from } = params
    const node = world.anyNode(this.#prng)
    const called = world.now()
    const answer = await this.#load.ask(node, 'feed.read', params)
    if (answer instanceof ViewstampError) return undefined
    const end = Number(answer['last']) + 1
    const at = { called, returned: world.now(), node: node.name, client: this.#name }
    const page: FeedPage = {
      ...{ type: 'page', kind, ...at, partition, from },
      next: Number(answer['next']),
      records: seen(answer['records']),
      ...(kind === 'look' && { end }),
    }
    facts.push(page)
    this.#reached(partition, end)
    return page
  }

  #reached(partition: number, end: number): void {
    this.#load.ends[partition] = Math.max(this.#load.ends[partition] ?? 0, end)
  }
}

interface Place {
  readonly partition: number
  readonly offset: number
}
type Told = readonly Place[] | 'fail' | 'info'

function seen(records: Json | undefined): SeenRecord[] {
  return objects(records).map(record => ({
    offset: Number(record['offset']),
    id: String(record['id']),
    bytes: createHash('sha1').update(JSON.stringify(record)).digest('base64').slice(0, 16),
  }))
}

export async function runFeed(load: FeedLoad, options: RunOptions): Promise<Agreement> {
  const { durationMs, opsMax, clients: count, seed, keep, faults, told } = options
  const { world, facts } = load
  const prng = new Prng(seed)
  const up = await answering(world)
  // Ids are remembered for longer than any check lasts.
  const made = { partitions: PARTITIONS, dedupeMs: 7 * 86_400_000, ifAbsent: true }
  await load.untilDone(prng, 'feed.create', made)
  const over = new AbortController()
  const broken = faults?.(over.signal)
  const end = world.now() + durationMs
  const isOver = (): boolean => world.now() >= end || facts.length >= opsMax
  const clients = Array.from(
    { length: count },
    (_, i) => new FeedClient(load, prng.fork(String(i)), i),
  )
  await Promise.all(
    clients.map(async client => {
      while (!isOver()) await client.step()
    }),
  )
  over.abort()
  told('healing')
  await broken
  told('reading everything again')
  await readAll(load, prng, up)
  told('comparing the nodes')
  const agreed = await agreement(world, up)
  if (!keep && !(await load.untilDone(prng, 'feed.delete', {}))) {
    world.notes.push(`the feed ${load.feed} remains: viewstamp feed rm ${load.feed}`)
  }
  return agreed
}

/** Up to the end as it is now: of what is still under way something may come behind it. */
async function readAll(load: FeedLoad, prng: Prng, up: readonly CheckedNode[]): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const end = await endOf(load, prng, partition)
    const pages = await Promise.all(
      up.map(node => (end === undefined ? undefined : load.whole(node, partition, end))),
    )
    pages.forEach((page, i) => {
      if (page) load.facts.push(page)
      else load.world.unread.push(`partition ${partition} at ${up[i]?.name}`)
    })
  }
}

async function endOf(load: FeedLoad, prng: Prng, partition: number): Promise<number | undefined> {
  const until = load.world.now() + load.world.patienceMs
  while (load.world.now() < until) {
    const node = load.world.anyNode(prng)
    const answer = await load.ask(node, 'feed.read', { partition, from: 'last', limit: 1 })
    if (!(answer instanceof ViewstampError)) return Number(answer['last']) + 1
  }
  return undefined
}
