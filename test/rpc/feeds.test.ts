/** feed.* over HTTP and WebSocket, /events and /feeds/<feed>.ndjson. */
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { Client, serve } from './harness.ts'

async function open(options: Parameters<typeof serve>[0] = {}) {
  const running = await serve(options)
  const client = await Client.open(running.url)
  await client.call('feed.create', ['f'])
  return { ...running, client }
}

const publish = (client: Client, value: unknown, more: object = {}) =>
  client.call('feed.publish', { feed: 'f', value, ...more })

describe('publishing', () => {
  test('by name and by position; what is not known is kept, meta is not', async () => {
    const { client } = await open()
    await client.call('feed.publish', ['f', 1, { key: 'k', source: 's' }, { correlationId: 'c' }])
    await client.call('feed.publish', { feed: 'f', value: 2, meta: { correlationId: 'd' } })
    const { result } = await client.call('feed.read', ['f'])
    expect(result.records).toMatchObject([
      { offset: 0, value: 1, key: 'k', source: 's', correlationId: 'c' },
      { offset: 1, value: 2, correlationId: 'd' },
    ])
    expect(result.records[1]).not.toHaveProperty('meta')
    expect(result).toMatchObject({ next: 2, first: 0, last: 1, header: { node: 'n1' } })
  })

  test.each<[string, unknown, string]>([
    ['feed.publish', { feed: 'no such name', value: 1 }, 'feed'],
    ['feed.publish', { feed: 'f' }, 'value'],
    ['feed.publish', { feed: 'f', value: 1, partition: -1 }, 'partition'],
    ['feed.publish', { feed: 'f', value: 1, partition: 3 }, 'partition'],
    ['feed.publish', { feed: 'f', value: 1, expectOffset: 'x' }, 'expectOffset'],
    ['feed.publishBatch', { records: [{ feed: 'f', value: 1 }, { value: 1 }] }, 'records[1].feed'],
    ['feed.create', { feed: 'g', compact: 'maybe' }, 'compact'],
    ['feed.create', { feed: 'g', retention: { bytes: 0 } }, 'retention.bytes'],
    ['feed.read', { feed: 'f', from: 'yesterday' }, 'from'],
    ['feed.read', { feed: 'f', from: { timeMs: -1 } }, 'from'],
    ['feed.read', { feed: 'f', limit: 0 }, 'limit'],
    ['feed.truncate', { feed: 'f' }, 'beforeOffset'],
    ['feed.truncate', { feed: 'f', beforeOffset: 1, beforeTimeMs: 1 }, 'beforeOffset'],
    ['feed.subscribe', { feed: 'a.*b' }, 'feed'],
  ])('%s %j: wrong at %s', async (method, params, path) => {
    const { client } = await open()
    const { error } = await client.call(method, params)
    expect(error).toMatchObject({ code: -32602, data: { path, outcome: 'none' } })
  })

  test.each<[string, unknown, number, string]>([
    ['feed.create', ['f'], 1012, 'FEED_EXISTS'],
    ['feed.publish', ['none', 1], 1011, 'FEED_NOT_FOUND'],
    ['feed.info', ['none'], 1011, 'FEED_NOT_FOUND'],
    ['feed.publish', { feed: 'f', value: 1, expectOffset: 7 }, 1014, 'WRONG_OFFSET'],
  ])('%s %j: %i %s', async (method, params, code, name) => {
    const { client } = await open()
    const { error } = await client.call(method, params)
    expect(error).toMatchObject({ code, data: { name, outcome: 'none' } })
  })
})

test('a value over the limit names it', async () => {
  const { client } = await open()
  const { error } = await publish(client, 'x'.repeat(1_048_577))
  expect(error).toMatchObject({ code: -32006, data: { limit: 1_048_576, path: 'value' } })
})

describe('subscribing', () => {
  test('the answer comes first, then what is there, then what is published', async () => {
    const { client } = await open()
    await publish(client, 1)
    const { result } = await client.call('feed.subscribe', { feed: 'f', from: 'first' })
    expect(result).toMatchObject({ subscription: 's1', cursor: '0' })
    await publish(client, 2)
    const got = await client.until(all => all.filter(each => each.method).length === 2)
    expect(got.filter(each => each.method).map(each => each.params)).toMatchObject([
      {
        ...{ subscription: 's1', n: 1, kind: 'feed', rev: 2, cursor: '1' },
        result: { feed: 'f', partition: 0, next: 1, records: [{ offset: 0, value: 1 }] },
      },
      { n: 2, cursor: '2', result: { next: 2, records: [{ offset: 1, value: 2 }] } },
    ])
  })

  test('needs a socket', async () => {
    const { url } = await open()
    const body = JSON.stringify({
      ...{ jsonrpc: '2.0', id: 1, method: 'feed.subscribe', params: { feed: 'f' } },
    })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${url}/rpc`, { method: 'POST', body, headers })
    expect(await answer.json()).toMatchObject({ error: { data: { name: 'NEEDS_SOCKET' } } })
  })

  test('who reads slowly is let go, and gets every record once when it reads again', async () => {
    const { client, node } = await open({ limits: { buffer: 2 } })
    await client.call('feed.subscribe', { feed: 'f', from: 'first' })
    client.ws.pause()
    const value = 'x'.repeat(50_000)
    const count = 400
    for (let i = 0; i < count; i++) {
      const record = { feed: 'f', value, n: i }
      await node.feeds.write('f', { op: 'publish', record }, {})
    }
    expect(node.feeds.followers).toBe(0)
    client.ws.resume()
    const events = () =>
      client.got.flatMap(each => (each.method === 'sub.event' ? each.params.result.records : []))
    await client.until(() => events().length >= count)
    expect(events().map((each: { n: number }) => each.n)).toEqual(
      Array.from({ length: count }, (_, i) => i),
    )
    expect(node.feeds.followers).toBe(1)
  })

  test('truncated behind its back, it is closed, and told where the feed begins', async () => {
    const { client, node } = await open({ limits: { buffer: 2 } })
    await client.call('feed.subscribe', { feed: 'f', from: 'first' })
    client.ws.pause()
    const value = 'x'.repeat(50_000)
    for (let i = 0; i < 400; i++) {
      await node.feeds.write('f', { op: 'publish', record: { feed: 'f', value } }, {})
    }
    await node.feeds.truncate('f', { beforeOffset: 399 }, {})
    client.ws.resume()
    const closed = () => client.got.find(each => each.params?.kind === 'closed')
    await client.until(() => closed() !== undefined)
    expect(closed()?.params.result).toMatchObject({
      name: 'OFFSET_OUT_OF_RANGE',
      message: expect.stringContaining('begins at 399'),
    })
  })
})

/** Text of a response, as it comes. */
function stream(url: string, headers: Record<string, string> = {}) {
  let text = ''
  let wake = () => {}
  const req = request(url, { headers }, res => {
    res.setEncoding('utf8')
    res.on('data', (chunk: string) => {
      text += chunk
      wake()
    })
    res.on('error', () => undefined)
  })
  req.on('error', () => undefined)
  req.end()
  const until = async (holds: (text: string) => boolean): Promise<string> => {
    while (!holds(text)) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
    return text
  }
  return { until, close: () => req.destroy() }
}

const idsIn = (text: string): string[] =>
  [...text.matchAll(/^id: (.*)$/gm)].map(each => each[1] ?? '')

describe('/events', () => {
  test('records as they are published; Last-Event-ID goes on behind', async () => {
    const { url, client } = await open()
    await publish(client, 1)
    const first = stream(`${url}/events?feed=f&from=first`)
    await first.until(text => idsIn(text).length === 1)
    await publish(client, 2)
    const text = await first.until(all => idsIn(all).length === 2)
    expect(idsIn(text)).toEqual(['1', '2'])
    expect(JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '')).toMatchObject({ value: 1, offset: 0 })
    first.close()
    await publish(client, 3)
    const again = stream(`${url}/events?feed=f`, { 'last-event-id': '2' })
    expect(idsIn(await again.until(all => idsIn(all).length === 1))).toEqual(['3'])
    again.close()
  })

  test('of several partitions and feeds, an id is where all of them go on', async () => {
    const { url, client } = await open()
    await client.call('feed.create', { feed: 'g.a', partitions: 2 })
    const records = [0, 1, 2, 3].map(i => ({ feed: 'g.a', value: i, partition: i % 2 }))
    await client.call('feed.publishBatch', { records })
    const all = stream(`${url}/events?feed=g.*&from=first`)
    const ids = idsIn(await all.until(text => idsIn(text).length === 4))
    expect(ids.at(-1)).toBe('g.a=0:2,1:2')
    all.close()
    for (const [seen, id] of ids.entries()) {
      const rest = stream(`${url}/events?feed=g.*`, { 'last-event-id': id })
      if (seen < 3) await rest.until(text => idsIn(text).length === 3 - seen)
      rest.close()
    }
  })

  test('keys too', async () => {
    const { url, client } = await open()
    const events = stream(`${url}/events?watch=prefix:users/&from=first`)
    await client.call('kv.put', { key: 'users/1', value: 'a' })
    await client.call('kv.put', { key: 'x', value: 'b' })
    await client.call('kv.put', { key: 'users/2', value: 'c' })
    const text = await events.until(all => idsIn(all).length === 2)
    expect(idsIn(text)).toEqual(['2', '4'])
    expect(text).toContain('"key":"users/2"')
    events.close()
  })

  test.each([
    ['', 400, 'say what to follow'],
    ['?feed=a%20b', 400, 'must be the name'],
    ['?feed=f&from=x', 400, 'from must be'],
    ['?feed=f&partition=9', 400, 'no partition 9'],
    ['?watch=users', 400, 'watch must be'],
  ])('%s: %i %s', async (query, status, sentence) => {
    const { url } = await open()
    const answer = await fetch(`${url}/events${query}`)
    expect([answer.status, await answer.text()]).toEqual([
      status,
      expect.stringContaining(sentence),
    ])
  })

  test('of a pattern, one feed of which cannot be followed so, nothing is followed', async () => {
    const { url, client, node } = await open()
    await publish(client, 1)
    await client.call('feed.create', { feed: 'many', partitions: 2 })
    const answer = await fetch(`${url}/events?feed=*&from=1`)
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining('many has 2 partitions'),
    ])
    expect(node.feeds.followers).toBe(0)
    const refused = await client.call('feed.subscribe', { feed: '*', from: '1' })
    expect(refused.error.data.name).toBe('BAD_CURSOR')
    expect(node.feeds.followers).toBe(0)
    await publish(client, 2)
    expect((await fetch(`${url}/livez`)).status).toBe(200)
  })

  test('ends with the server', async () => {
    const { url, server } = await open()
    const answer = await fetch(`${url}/events?feed=f`)
    await server.stop()
    expect(await answer.text()).toBe('')
  })
})

describe('/feeds/<feed>.ndjson', () => {
  const post = (url: string, body: string, type = 'application/x-ndjson') =>
    fetch(`${url}/feeds/f.ndjson`, { method: 'POST', body, headers: { 'content-type': type } })

  test('out and in again: the same records', async () => {
    const { url, client } = await open()
    const lines = Array.from({ length: 12_345 }, (_, i) => JSON.stringify({ value: i, key: 'k' }))
    const answer = await post(url, lines.join('\n'))
    expect(await answer.json()).toEqual({ published: 12_345, duplicates: 0 })
    const text = await (await fetch(`${url}/feeds/f.ndjson`)).text()
    const records = text.trimEnd().split('\n')
    expect(records.map(line => JSON.parse(line).value)).toEqual(lines.map((_, i) => i))
    await client.call('feed.create', ['g'])
    const headers = { 'content-type': 'application/x-ndjson' }
    await fetch(`${url}/feeds/g.ndjson`, { method: 'POST', body: text, headers })
    const copy = await (await fetch(`${url}/feeds/g.ndjson?from=12000&to=12002`)).text()
    expect(
      copy
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line)),
    ).toMatchObject([
      { feed: 'g', offset: 12_000, value: 12_000 },
      { feed: 'g', offset: 12_001, value: 12_001 },
    ])
  })

  test('a line that is wrong says which, and what was published before', async () => {
    const { url, client } = await open()
    const good = Array.from({ length: 700 }, (_, i) => `{"value":${i}}`)
    const answer = await post(url, [...good, '{"value":', ''].join('\n'))
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      error: {
        message: expect.stringContaining('the 500 records before are in the feed'),
        data: { path: 'line 701', published: 500, outcome: 'applied', retryable: false },
      },
    })
    expect((await client.call('feed.info', ['f'])).result.partitions[0].next).toBe(500)
  })

  test('what the feed refuses is said by its line', async () => {
    const { url, client } = await open()
    const lines = ['{"value":0}', '', '{"value":1,"partition":9}', '{"value":2}']
    const answer = await post(url, lines.join('\n'))
    expect(await answer.json()).toMatchObject({
      error: {
        message: expect.stringMatching(/^line 3: .* no partition 9/),
        data: { path: 'line 3: partition', published: 0, outcome: 'none' },
      },
    })
    expect((await client.call('feed.info', ['f'])).result.partitions[0].next).toBe(0)
  })

  test.each([
    ['text/plain', 415],
    ['application/json', 200],
  ])('%s: %i', async (type, status) => {
    const { url } = await open()
    expect((await post(url, '{"value":1}\n', type)).status).toBe(status)
  })

  test('what is not there', async () => {
    const { url } = await open()
    expect((await fetch(`${url}/feeds/none.ndjson`)).status).toBe(404)
    expect((await fetch(`${url}/feeds/a%20b.ndjson`)).status).toBe(400)
    expect((await fetch(`${url}/feeds/f.ndjson?to=x`)).status).toBe(400)
    expect((await fetch(`${url}/feeds/f.ndjson`, { method: 'PUT' })).status).toBe(405)
    expect((await fetch(`${url}/feeds/f`)).status).toBe(404)
  })
})
