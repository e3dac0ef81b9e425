/** Feeds of real daemons: a history of producers and consumers while nodes are killed; the command line. */
import { spawn } from 'node:child_process'
import { afterEach, expect, test } from 'vitest'
import type { JsonObject } from '../../src/base/json.ts'
import { connect } from '../../src/client/client.ts'
import { resume } from '../../src/client/feed.ts'
import { BIN, Daemons, RpcError, rpc, sleep } from './processes.ts'

let daemons: Daemons

afterEach(() => daemons.destroy())

const urls = (): string[] => Array.from({ length: daemons.n }, (_, i) => daemons.url(i))

interface Acknowledged {
  readonly id: string
  readonly partition: number
  readonly offset: number
}

/** Publishes one after the other; what is not answered is sent again, to another node, with the same id. */
async function produce(name: string, feed: string, until: () => boolean): Promise<Acknowledged[]> {
  const done: Acknowledged[] = []
  for (let n = 0; !until(); n++) {
    const id = `${name}-${n}`
    for (let attempt = n; ; attempt++) {
      const params = { feed, value: { name, n }, key: name, id, meta: { timeoutMs: 2000 } }
      try {
        const { partition, offset } = await rpc(
          daemons.url(attempt % daemons.n),
          'feed.publish',
          params,
          4000,
        )
        done.push({ id, partition, offset })
        break
      } catch (error) {
        if (error instanceof RpcError) expect(['none', 'unknown']).toContain(error.data['outcome'])
        await sleep(50)
      }
    }
  }
  return done
}

/** Follows from the start, over whichever nodes are there, until it has seen `count` records. */
async function consume(feed: string, endpoints: string[], count: Promise<number>) {
  const seen: JsonObject[] = []
  const stop = new AbortController()
  const wanted = count.then(n => {
    if (seen.length >= n) stop.abort()
    return n
  })
  let target = Number.POSITIVE_INFINITY
  void wanted.then(n => {
    target = n
  })
  const events = connect(endpoints).subscribe(
    'feed.subscribe',
    { feed, from: 'first' },
    { signal: stop.signal, resume, patient: true },
  )
  for await (const each of events) {
    if (each.type !== 'event') continue
    const { records } = each.event['result'] as unknown as { records: JsonObject[] }
    seen.push(...records)
    if (seen.length >= target) stop.abort()
  }
  return seen
}

test('nothing acknowledged is lost, doubled or reordered while primaries are killed', async () => {
  daemons = await Daemons.init()
  await daemons.startAll()
  await daemons.untilWritable()
  await rpc(daemons.url(0), 'feed.create', { feed: 'f', partitions: 2, dedupeMs: 600_000 })
  let isOver = false
  const producers = Array.from({ length: 8 }, (_, i) => produce(`p${i}`, 'f', () => isOver))
  const all = Promise.all(producers).then(lists => lists.flat())
  const count = all.then(list => list.length)
  const consumers = [0, 1, 2].map(i =>
    consume('f', [...urls().slice(i), ...urls().slice(0, i)], count),
  )
  for (let kill = 0; kill < 3; kill++) {
    await sleep(1500)
    const primary = await daemons.primary()
    if (primary < 0) continue
    await daemons.kill(primary)
    await sleep(700)
    await daemons.start(primary)
  }
  await sleep(1000)
  isOver = true
  const acknowledged = await all
  expect(acknowledged.length).toBeGreaterThan(200)
  const texts = await Promise.all(
    urls().map(url => fetch(`${url}/feeds/f.ndjson`).then(answer => answer.text())),
  )
  expect(texts[1]).toBe(texts[0])
  expect(texts[2]).toBe(texts[0])
  const records = (texts[0] ?? '')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  checkRecords(records, acknowledged)
  for (const seen of await Promise.all(consumers)) {
    const order = (a: JsonObject, b: JsonObject) => Number(a['rev']) - Number(b['rev'])
    expect([...seen].sort(order)).toEqual(records)
    for (const partition of [0, 1]) {
      const offsets = seen.filter(each => each['partition'] === partition).map(e => e['offset'])
      expect(offsets).toEqual(offsets.map((_, i) => i))
    }
  }
  await daemons.agree()
}, 120_000)

function checkRecords(
  records: readonly {
    id: string
    partition: number
    offset: number
    value: { name: string; n: number }
  }[],
  acknowledged: readonly Acknowledged[],
): void {
  const byId = new Map(records.map(each => [each.id, each]))
  expect(byId.size).toBe(records.length)
  expect(records.length).toBe(acknowledged.length)
  for (const { id, partition, offset } of acknowledged) {
    expect(byId.get(id)).toMatchObject({ partition, offset })
  }
  for (const partition of [0, 1]) {
    const own = records.filter(each => each.partition === partition)
    expect(own.map(each => each.offset)).toEqual(own.map((_, i) => i))
  }
  const names = new Set(records.map(each => each.value.name))
  for (const name of names) {
    const own = records.filter(each => each.value.name === name)
    expect(own.map(each => each.value.n)).toEqual(own.map((_, i) => i))
    expect(new Set(own.map(each => each.partition)).size).toBe(1)
  }
}

test('a replay is the same bytes: twice, from every node, in parts, and after a restart', async () => {
  daemons = await Daemons.init()
  await daemons.startAll()
  await daemons.untilWritable()
  await rpc(daemons.url(0), 'feed.create', { feed: 'r', partitions: 2 })
  const lines = Array.from({ length: 1500 }, (_, i) => {
    const value = { i, text: `\u0000é\u2028${'y'.repeat(i % 200)}`, f: 1e21, z: -0.1, 1: 'first' }
    return JSON.stringify({ value, key: `k${i % 7}`, source: `s${i}`, headers: { n: i } })
  })
  const headers = { 'content-type': 'application/x-ndjson' }
  const body = lines.join('\n')
  await fetch(`${daemons.url(1)}/feeds/r.ndjson`, { method: 'POST', headers, body })
  const replay = async (node: number, query = '') => {
    const answer = await fetch(`${daemons.url(node)}/feeds/r.ndjson?${query}`)
    return Buffer.from(await answer.arrayBuffer())
  }
  const first = await replay(0)
  expect(first.toString().split('\n').length).toBe(1501)
  for (const node of [0, 1, 2]) expect(first.equals(await replay(node))).toBe(true)
  const whole = (await replay(2, 'partition=1')).toString().split('\n')
  const part = (await replay(1, 'partition=1&from=100&to=200')).toString().split('\n')
  expect(part).toEqual([...whole.slice(100, 200), ''])
  for (const node of [0, 1, 2]) await daemons.kill(node)
  await daemons.startAll()
  await daemons.untilWritable()
  for (const node of [2, 1, 0]) expect(first.equals(await replay(node))).toBe(true)
}, 120_000)

/** What the command line prints; its exit code when that is not 0. */
function viewstamp(
  args: string[],
  input = '',
): Promise<{ out: string; err: string; code: number }> {
  const child = spawn(BIN, ['-e', daemons.url(0), ...args])
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  child.stdin.end(input)
  return new Promise(resolve => child.on('close', code => resolve({ out, err, code: code ?? -1 })))
}

const linesOf = (text: string): JsonObject[] =>
  text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as JsonObject)

test('the command line: create, publish, read, tail, export, import, truncate', async () => {
  daemons = await Daemons.init(1)
  await daemons.startAll()
  await daemons.untilWritable()
  const create = ['feed', 'create', 'orders', '--keep', '7d', '--keep-records', '1000']
  expect((await viewstamp(create)).out).toContain('"ageMs":604800000')
  const one = ['feed', 'publish', 'orders', '{"total":5}', '--key', 'a', '--header', 'type=new']
  expect(linesOf((await viewstamp(one)).out)).toMatchObject([{ partition: 0, offset: 0 }])
  const numbers = Array.from({ length: 1234 }, (_, i) => i)
  const many = await viewstamp(['feed', 'publish', 'numbers', '-'], numbers.join('\n'))
  expect(many).toMatchObject({ code: 0, err: expect.stringContaining('1234 records published') })
  const read = await viewstamp(['feed', 'read', 'numbers', '--from', '-2', '-o', 'raw'])
  expect(read.out).toBe('1232\n1233\n')
  const filter = ['--filter', 'value>=1200', '--filter', 'value<1203']
  const found = await viewstamp(['feed', 'read', 'numbers', ...filter])
  expect(linesOf(found.out).map(each => each['value'])).toEqual([1200, 1201, 1202])
  const tail = await viewstamp(['feed', 'tail', 'numbers', '--from', '10', '--count', '3'])
  expect(linesOf(tail.out).map(each => each['offset'])).toEqual([10, 11, 12])
  const { out } = await viewstamp(['feed', 'export', 'numbers'])
  expect(await viewstamp(['feed', 'import', 'copy'], out)).toMatchObject({ code: 0 })
  const copy = linesOf((await viewstamp(['feed', 'export', 'copy'])).out)
  expect(copy.map(each => each['value'])).toEqual(numbers)
  await groupsByCommand()
  await viewstamp(['feed', 'truncate', 'copy', '--before', '1230'])
  expect(await viewstamp(['feed', 'read', 'copy', '--from', '7'])).toMatchObject({
    ...{ code: 3, err: expect.stringContaining('begins at 1230') },
  })
  expect((await viewstamp(['feed', 'info', 'copy', '-o', 'table'])).out).toMatch(/1230 +1234 +4/)
  const wrong = ['feed', 'publish', 'copy', '1', '--expect-offset', '7']
  expect(await viewstamp(wrong)).toMatchObject({ code: 4 })
  expect(await viewstamp(['feed', 'rm', 'copy'])).toMatchObject({ code: 0 })
  expect(await viewstamp(['feed', 'tail', 'copy'])).toMatchObject({ code: 3 })
  expect(await viewstamp(['feed', 'read', 'numbers', '--filter', 'x'])).toMatchObject({ code: 2 })
  const feeds = linesOf((await viewstamp(['feed', 'ls', '-o', 'json'])).out.replaceAll('\n', ''))
  expect(feeds[0]?.['feeds']).toMatchObject([{ feed: 'numbers' }, { feed: 'orders' }])
}, 120_000)

async function groupsByCommand(): Promise<void> {
  const group = (...args: string[]) => viewstamp(['group', ...args])
  await group('create', 'numbers', 'g')
  expect((await group('commit', 'numbers', 'g', '1230')).out).toContain('"lag":4')
  expect((await group('seek', 'numbers', 'g', '--to', '-2')).out).toContain('"lag":2')
  const queue = ['create', 'numbers', 'q', '--queue', '--from', '-2', '--max-deliver', '3']
  expect((await group(...queue)).out).toContain('"deadLetter":"numbers.q.dead"')
  const member = ['--member', 'm']
  const [first, second] = linesOf((await group('fetch', 'numbers', 'q', ...member)).out)
  expect([first?.['value'], second?.['value']]).toEqual([1232, 1233])
  const [a, b] = [String(first?.['delivery']), String(second?.['delivery'])]
  expect((await group('ack', 'numbers', 'q', a, ...member)).out).toMatch(
    /^\{"acked":1,"lamport":\d+\}\n$/,
  )
  expect((await group('ack', 'numbers', 'q', a, ...member)).code).toBe(8)
  expect((await group('nack', 'numbers', 'q', b, ...member)).out).toMatch(/^\{"nacked":1/)
  const again = await group('fetch', 'numbers', 'q', '--ack', ...member)
  expect(linesOf(again.out)).toMatchObject([{ value: 1233, attempt: 2 }])
  expect((await group('ls', 'numbers', '-o', 'table')).out).toMatch(/q +queue +0:1234 +0 +0/)
  expect((await group('rm', 'numbers', 'q')).code).toBe(0)
  expect((await group('info', 'numbers', 'q')).code).toBe(3)
}
