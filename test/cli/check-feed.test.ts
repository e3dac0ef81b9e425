/** viewstamp check --workload feed against a server that is right, and against servers that are wrong. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Json, JsonObject } from '../../src/base/json.ts'
import { FeedMachine } from '../../src/machine/feed/feed-machine.ts'
import { cli, type Outcome } from './command-line.ts'
import { FakeDaemon, HEADER } from './fake-daemon.ts'

type Wrong =
  | 'loses records'
  | 'publishes repeats'
  | 'leaves records out'
  | 'says none'
  | 'reads what was before'
  | 'diverges'

const EVERY = 10

/** The machine of feeds behind fake daemons, honest or with one way to be wrong. */
class FakeFeeds {
  readonly #machine = new FeedMachine()
  readonly #wrong: Wrong | undefined
  #rev = 0
  #calls = 0

  constructor(daemons: readonly FakeDaemon[], wrong?: Wrong) {
    this.#wrong = wrong
    daemons.forEach((daemon, i) => {
      this.#serve(daemon, `n${i + 1}`, daemons)
    })
  }

  get names(): Json {
    return this.#machine.query({ op: 'names' }, 0)
  }

  #serve(daemon: FakeDaemon, name: string, daemons: readonly FakeDaemon[]): void {
    const answer = (method: string, run: (params: JsonObject) => object): void => {
      daemon.answers.set(method, params => {
        const result = { ...run(params as JsonObject), header: HEADER }
        const lies = this.#wrong === 'says none' && method === 'feed.publish' && this.#isDue
        const data = { name: 'NO_QUORUM', retryable: true, outcome: 'none' }
        return lies ? { error: { code: -32001, message: 'no quorum', data } } : { result }
      })
    }
    const shards = [{ shard: 'main', status: 'normal', view: 0, op: 1, commit: 1, applied: 1 }]
    const peers = daemons.map(({ url }, i) => ({ name: `n${i + 1}`, rpc: url }))
    const hash = this.#wrong === 'diverges' ? `h-${name}` : 'h'
    answer('cluster.status', () => ({ name, role: 'replica', rpc: daemon.url, peers, shards }))
    answer('system.ping', () => ({ pong: true }))
    answer('kv.hash', () => ({ hash, op: 9 }))
    answer('feed.create', params => this.#run({ ...params, op: 'create' }))
    answer('feed.delete', params => this.#run({ ...params, op: 'delete' }))
    answer('feed.publish', params => this.#publish(params))
    answer('feed.publishBatch', params => this.#run({ ...params, op: 'publishBatch' }))
    answer('feed.read', params => this.#read(params))
  }

  get #isDue(): boolean {
    return ++this.#calls % EVERY === 0
  }

  #run(command: JsonObject): object {
    const rev = ++this.#rev
    const context = { opNumber: rev, rev, timeMs: 1, session: 's' }
    return this.#machine.apply(command, context, []) as object
  }

  #publish({ meta: _, ...record }: JsonObject): object {
    const { id, ...anonymous } = record
    const isAnonymous = this.#wrong === 'publishes repeats'
    const kept = isAnonymous ? { ...anonymous, headers: { id: String(id) } } : record
    if (this.#wrong !== 'loses records' || !this.#isDue) {
      return this.#run({ op: 'publish', record: kept })
    }
    return { partition: record['partition'], offset: 0, duplicate: false }
  }

  #read({ feed, partition, from, limit }: JsonObject): object {
    const ask = (offset: Json | undefined) =>
      this.#machine.query({ op: 'read', feed, partition, from: offset, limit }, 0) as {
        readonly records: readonly string[]
        readonly next: number
        readonly first: number
        readonly last: number
      }
    if (from === 'last') return ask(undefined)
    const page = ask(from)
    const texts = this.#wrong === 'leaves records out' && this.#isDue ? [] : page.records
    const records = texts.map(text => {
      const record = JSON.parse(text) as { id?: string; headers: { id?: string } }
      return { ...record, id: record.id ?? record.headers.id }
    })
    const isOld = this.#wrong === 'reads what was before' && this.#isDue && page.last > 20
    return isOld ? { ...page, records, last: page.last - 15 } : { ...page, records }
  }
}

let daemons: readonly FakeDaemon[]
let folder: string

beforeEach(async () => {
  daemons = [await FakeDaemon.start(), await FakeDaemon.start()]
  folder = mkdtempSync(join(tmpdir(), 'viewstamp-check-'))
})
afterEach(async () => {
  await Promise.all(daemons.map(daemon => daemon.stop()))
  rmSync(folder, { recursive: true, force: true })
})

const check = (...words: readonly string[]): Promise<Outcome> => {
  const where = ['-e', daemons[0]?.url ?? '', '--workload', 'feed']
  return cli(['check', ...where, '--ops', '600', '--seed', '7', ...words])
}

test('a server that is right is found right, and its feed is removed', async () => {
  const feeds = new FakeFeeds(daemons)
  const { code, out, err } = await check('-o', 'table')
  expect([code, err]).toEqual([0, expect.stringMatching(/checking the feed \S+ at n1, n2 with 16/)])
  expect(out).toMatch(/FEED +CALLS +RECORDS +OK +UNKNOWN +FAILED\npublish/)
  expect(out).toMatch(/\nok: /)
  expect(feeds.names).toEqual([])
})

const WRONG: readonly (readonly [Wrong, RegExp])[] = [
  ['loses records', /was acknowledged, and is lost|is not where it was acknowledged/],
  ['publishes repeats', /was published twice|when it was sent again n\d said/],
  ['leaves records out', /a page ends where its records do not/],
  ['says none', /was refused, and is there/],
  ['reads what was before', /a read misses what was there before/],
  ['diverges', /the nodes differ: at op 9 of shard main/],
]

test.each(WRONG)('a server that %s is called bad', async (wrong, why) => {
  new FakeFeeds(daemons, wrong)
  const { code, out } = await check()
  expect(code).toBe(9)
  expect(out).toMatch(why)
  expect(out).toMatch(/\nbad\n$/)
})

test('a check that did too little is not ok', async () => {
  new FakeFeeds(daemons)
  const { code, out } = await check('--min-ops', '100000')
  expect(code).toBe(9)
  expect(out).toMatch(/calls were answered, fewer than 100000\ntoo little\n$/)
})

describe('what was recorded', () => {
  const judged = (lines: readonly string[]): Promise<Outcome> => {
    const file = join(folder, 'again.jsonl')
    writeFileSync(file, `${lines.join('\n')}\n`)
    return cli(['check', '--history', file])
  }

  test('is judged again, and is called bad once a record is taken out of it', async () => {
    new FakeFeeds(daemons)
    const file = join(folder, 'history.jsonl')
    expect((await check('--record', file)).code).toBe(0)
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    expect((await judged(lines)).code).toBe(0)
    const without = lines.map(line => {
      const fact = JSON.parse(line)
      if (fact.kind === 'whole') fact.records.splice(3, 1)
      return JSON.stringify(fact)
    })
    const { code, out } = await judged(without)
    expect([code, out]).toEqual([9, expect.stringContaining('an offset is left out')])
  })

  test.each([
    ['{"type":"page"}', 'line 1 of the history: client is missing'],
    ['{"type":"word"}', 'type must be one of publish, page'],
    [
      '{"type":"publish","client":"c","called":5,"returned":4,"status":"ok","id":"a"}',
      'returned before called',
    ],
    [
      '{"type":"publish","client":"c","called":5,"returned":6,"status":"ok","id":"a"}',
      'has a partition',
    ],
  ])('%s is refused with a sentence', async (line, said) => {
    const { code, err } = await judged([line])
    expect([code, err]).toEqual([2, expect.stringContaining(said)])
  })
})
