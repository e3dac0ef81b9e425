/** Subscriptions: what is promised to who watches. */
import { describe, expect, test } from 'vitest'
import { ViewstampError } from '../../src/base/errors.ts'
import { SILENT } from '../../src/rpc/errors.ts'
import type { EventSource, SourceEvent } from '../../src/rpc/method.ts'
import { Subscription } from '../../src/rpc/subscription.ts'
import { Client, call, serve } from './harness.ts'

const put = (client: Client, key: string, value: unknown, more = {}) =>
  client.call('kv.put', { key, value, ...more })

describe('kv.watch', () => {
  test('changes of one commit are one event; n counts by one; others are left out', async () => {
    const { url } = await serve()
    const client = await Client.open(url)
    const { result } = await client.call('kv.watch', { prefix: 'a/' })
    expect(result).toMatchObject({ subscription: 's1', startRev: 1, header: { node: 'n1' } })
    await put(client, 'b', 0)
    await client.call('kv.txn', {
      then: [
        { op: 'put', key: 'a/1', value: 1 },
        { op: 'put', key: 'a/2', value: 2 },
        { op: 'put', key: 'c', value: 3 },
      ],
    })
    await client.call('kv.del', { key: 'a/1', meta: { correlationId: 'why' } })
    const [first, second] = await client.untilEvents(2)
    expect(first).toEqual({
      subscription: 's1',
      n: 1,
      kind: 'kv',
      rev: 2,
      view: 3,
      timeMs: 2,
      result: {
        op: 2,
        lamport: 4,
        changes: [
          { type: 'put', key: 'a/1', rev: 2, value: 1, createRev: 2, version: 1 },
          { type: 'put', key: 'a/2', rev: 2, value: 2, createRev: 2, version: 1 },
        ],
      },
    })
    expect(second).toMatchObject({
      n: 2,
      rev: 3,
      result: { correlationId: 'why', changes: [{ type: 'delete', key: 'a/1', rev: 3 }] },
    })
    expect(second.result.changes[0]).not.toHaveProperty('value')
  })

  test('prev is given to who asks', async () => {
    const { url } = await serve()
    const client = await Client.open(url)
    await client.call('kv.watch', { key: 'k', prev: true })
    await put(client, 'k', 'old')
    await put(client, 'k', 'new')
    const events = await client.untilEvents(2)
    expect(events[0].result.changes[0]).not.toHaveProperty('prev')
    expect(events[1].result.changes[0].prev).toBe('old')
  })

  test('from a rev: what is retained first, then live, without a gap', async () => {
    const { url } = await serve()
    const client = await Client.open(url)
    for (let i = 1; i <= 4; i++) await put(client, 'k', i)
    await client.call('kv.watch', { key: 'k', from: 2 })
    await put(client, 'k', 5)
    const events = await client.untilEvents(4)
    expect(events.map(event => [event.n, event.rev])).toEqual([
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 5],
    ])
  })

  test('the answer precedes the first event, also within a batch that takes its time', async () => {
    const { url, node } = await serve()
    const client = await Client.open(url)
    const other = await Client.open(url)
    let open = () => {}
    node.gate = new Promise(resolve => {
      open = resolve
    })
    client.send([
      { jsonrpc: '2.0', id: 'watch', method: 'kv.watch', params: { prefix: '' } },
      { jsonrpc: '2.0', id: 'slow', method: 'kv.put', params: ['x', 1] },
    ])
    while (node.keyFollowers === 0) await new Promise(resolve => setImmediate(resolve))
    // An event of somebody else, and an answer to another message, while the batch is under way.
    node.execute({ machine: 'kv', keys: [], body: { op: 'put', key: 'y', value: 1 }, meta: {} })
    await client.call('system.ping')
    expect(client.events).toEqual([])
    open()
    await client.untilEvents(2)
    const kinds = client.got.map(got => (Array.isArray(got) ? 'answer' : (got.method ?? got.id)))
    expect(kinds).toEqual(['c1', 'answer', 'sub.event', 'sub.event'])
    other.ws.close()
  })

  test('a rev that is no longer kept is an error that says which is', async () => {
    const { url, node } = await serve()
    node.firstRev = 10
    const client = await Client.open(url)
    const { error } = await client.call('kv.watch', { key: 'k', from: 3 })
    expect(error).toMatchObject({ code: 1002, data: { name: 'REV_COMPACTED', first: 10 } })
    expect((await client.call('sub.list')).result).toEqual([])
  })

  test('a node that got a checkpoint instead of changes says so', async () => {
    const { url, node } = await serve()
    const client = await Client.open(url)
    await client.call('kv.watch', { key: 'k' })
    await put(client, 'k', 1)
    node.jump(50)
    const events = await client.untilEvents(2)
    expect(events[1]).toMatchObject({ n: 2, kind: 'closed', rev: 1 })
    expect(events[1].result).toMatchObject({ name: 'REV_COMPACTED', resumeFrom: 2 })
    expect((await client.call('sub.list')).result).toEqual([])
  })

  test('a slow consumer misses nothing that is still kept', async () => {
    const { url, node } = await serve({ limits: { buffer: 10 } })
    const client = await Client.open(url)
    await client.call('kv.watch', { key: 'k' })
    client.ws.pause()
    const value = 'x'.repeat(20_000)
    for (let i = 0; i < 1_000; i++) {
      node.execute({ machine: 'kv', keys: ['k'], body: { op: 'put', key: 'k', value }, meta: {} })
      if (i % 50 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    // Its queue is full, and the source has been let go.
    expect(node.keyFollowers).toBe(0)
    client.ws.resume()
    const events = await client.untilEvents(1_000)
    expect(events.map(event => event.rev)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1))
    expect(events.map(event => event.n)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1))
  })

  test('who takes nothing at all is told where to resume', async () => {
    const { url, node, server } = await serve({ limits: { buffer: 10 } })
    const client = await Client.open(url)
    await client.call('kv.watch', { key: 'k' })
    client.ws.pause()
    const value = 'x'.repeat(20_000)
    for (let i = 0; i < 1_000; i++) {
      node.execute({ machine: 'kv', keys: ['k'], body: { op: 'put', key: 'k', value }, meta: {} })
      if (i % 50 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    expect(node.keyFollowers).toBe(0)
    server.tick()
    server.tick()
    client.ws.resume()
    await client.until(() => client.events.some(event => event.kind === 'closed'))
    const last = client.events.at(-1)
    const sent = client.events.filter(event => event.kind === 'kv')
    expect(last.result).toMatchObject({ name: 'SLOW_CONSUMER', code: -32015 })
    expect(last.result.resumeFrom).toBe(sent.length + 1)
    expect(last.n).toBe(client.events.length)
    await client.call('kv.watch', { key: 'k', from: last.result.resumeFrom })
    await client.until(() => client.events.at(-1).rev === 1_000)
  })
})

describe('cluster.watch', () => {
  test('events by kind, with families', async () => {
    const { url, node } = await serve()
    const client = await Client.open(url)
    const kinds = ['view_started', 'member_*']
    const { result } = await client.call('cluster.watch', { kinds })
    expect(result.subscription).toBe('s1')
    for (const kind of ['peer_up', 'view_started', 'member_added']) {
      node.tell({ kind, node: 'n2', shard: 'main', view: 4, timeMs: 9 })
    }
    const events = await client.untilEvents(2)
    expect(events).toMatchObject([
      { n: 1, kind: 'view_started', view: 4, timeMs: 9, result: { node: 'n2', shard: 'main' } },
      { n: 2, kind: 'member_added' },
    ])
  })
})

describe('sub.*', () => {
  test('a cancelled subscription is silent; the others go on', async () => {
    const { url, node } = await serve()
    const client = await Client.open(url)
    await client.call('kv.watch', { key: 'k' })
    await client.call('kv.watch', { prefix: 'k' })
    expect((await client.call('sub.list')).result).toEqual([
      { subscription: 's1', method: 'kv.watch', n: 0, queued: 0 },
      { subscription: 's2', method: 'kv.watch', n: 0, queued: 0 },
    ])
    expect((await client.call('sub.cancel', ['s1'])).result).toBe(true)
    expect((await client.call('sub.cancel', ['s1'])).result).toBe(false)
    expect(node.keyFollowers).toBe(1)
    await put(client, 'k', 1)
    expect(await client.untilEvents(1)).toMatchObject([{ subscription: 's2', n: 1 }])
  })

  test('closing the connection cancels', async () => {
    const { url, node } = await serve()
    const client = await Client.open(url)
    await client.call('kv.watch', { key: 'k' })
    await client.call('cluster.watch')
    expect([node.keyFollowers, node.clusterFollowers]).toEqual([1, 1])
    client.ws.terminate()
    while (node.keyFollowers + node.clusterFollowers > 0) {
      await new Promise(resolve => setImmediate(resolve))
    }
  })

  test('there is a limit, which is named', async () => {
    const { url, node } = await serve({ limits: { subscriptions: 2 } })
    const client = await Client.open(url)
    await client.call('kv.watch', { key: 'k' })
    await client.call('kv.watch', { key: 'k' })
    const { error } = await client.call('kv.watch', { key: 'k' })
    expect(error).toMatchObject({ code: -32006, data: { limit: 2 } })
    expect(node.keyFollowers).toBe(2)
  })

  test('bookmarks tell how far it is', async () => {
    const { url, server } = await serve()
    const client = await Client.open(url)
    await put(client, 'k', 1)
    await client.call('kv.watch', { key: 'k', from: 'first' })
    await client.untilEvents(1)
    server.tick()
    const events = await client.untilEvents(2)
    expect(events[1]).toMatchObject({ n: 2, kind: 'bookmark', rev: 1, result: {} })
    await put(client, 'other', 1)
    server.tick()
    expect((await client.untilEvents(3))[2]).toMatchObject({ n: 3, kind: 'bookmark', rev: 2 })
  })

  test.each(['kv.watch', 'cluster.watch', 'sub.cancel', 'sub.list'])(
    '%s over HTTP says that it needs a socket',
    async name => {
      const { url } = await serve()
      const { error } = await call(url, name, { subscription: 's1' })
      expect(error).toMatchObject({ code: -32014, data: { name: 'NEEDS_SOCKET', outcome: 'none' } })
    },
  )
})

describe('kv.poll', () => {
  test('gives the same events over HTTP, and where to go on', async () => {
    const { url } = await serve()
    await call(url, 'kv.put', ['k', 1])
    await call(url, 'kv.put', ['k', 2])
    const first = await call(url, 'kv.poll', { key: 'k', from: 'first', limit: 1 })
    expect(first.result).toMatchObject({
      events: [{ rev: 1, view: 3, op: 1, changes: [{ type: 'put', key: 'k', value: 1 }] }],
      next: 2,
    })
    const waiting = call(url, 'kv.poll', { key: 'k', from: 3, waitMs: 60_000 })
    await call(url, 'kv.put', ['k', 3])
    expect((await waiting).result.events[0].rev).toBe(3)
  })
})

/** A link that holds a number of texts, and a source that is driven by hand. */
function byHand(queueMax: number, resumable: boolean) {
  const sent: (SourceEvent & { n: number })[] = []
  const link = {
    room: 0,
    get full() {
      return link.room <= 0
    },
    send: (text: string) => {
      link.room--
      sent.push(JSON.parse(text).params)
    },
  }
  const starts: (number | string | undefined)[] = []
  let deliver: (event: SourceEvent) => void = () => {}
  let refuse: Error | undefined
  const source: EventSource = {
    method: 'test',
    resumable,
    start: (from, to) => {
      if (refuse !== undefined) throw refuse
      starts.push(from)
      deliver = to
      return { startRev: 1, cancel: () => {} }
    },
  }
  const subscription = new Subscription({
    id: 's1',
    source,
    link,
    queueMax,
    nowMs: () => 0,
    log: SILENT,
  })
  subscription.start()
  subscription.answered()
  const event = (rev: number) => deliver({ kind: 'kv', rev, timeMs: 0, result: {} })
  const room = (count: number) => {
    link.room = count
    subscription.drained()
  }
  const refuseWith = (error: Error) => {
    refuse = error
  }
  const deliverAny = (event: SourceEvent) => deliver(event)
  return { subscription, sent, starts, event, deliver: deliverAny, room, refuseWith }
}

describe('a subscription', () => {
  test('an overflow is taken up again where it stopped, once there is room', () => {
    const { sent, starts, event, room } = byHand(2, true)
    for (const rev of [1, 2, 3, 4]) event(rev)
    room(1)
    expect(starts).toEqual([undefined])
    room(9)
    expect(starts).toEqual([undefined, 3])
    event(3)
    expect(sent.map(each => [each.n, each.rev])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
  })

  test('of several shards: let go, it goes on behind the last event taken; bookmarks tell a cursor', () => {
    const { sent, deliver, room, starts, subscription } = byHand(1, true)
    const event = (rev: number, shard: string, cursor: string) =>
      deliver({ kind: 'kv', rev, shard, cursor, timeMs: 0, result: {} })
    event(7, 's1', '@1.8')
    event(1, 'main', '@2.8')
    event(2, 'main', '@3.8')
    room(9)
    expect(starts).toEqual([undefined, '@1.8'])
    event(1, 'main', '@2.8')
    subscription.tick()
    expect(sent.map(({ kind, rev, shard, cursor }) => [kind, rev, shard, cursor])).toEqual([
      ['kv', 7, 's1', '@1.8'],
      ['kv', 1, 'main', '@2.8'],
      ['bookmark', undefined, undefined, '@2.8'],
    ])
  })

  test('too late to go on: closed, behind what waited', () => {
    const { sent, event, room, refuseWith, subscription } = byHand(1, true)
    for (const rev of [1, 2]) event(rev)
    refuseWith(new ViewstampError('REV_COMPACTED', 'gone'))
    room(9)
    expect(sent.map(each => [each.n, each.kind])).toEqual([
      [1, 'kv'],
      [2, 'closed'],
    ])
    expect(sent[1]?.result).toMatchObject({ name: 'REV_COMPACTED', resumeFrom: 2 })
    expect(subscription.finished).toBe(true)
  })

  test('what cannot be taken up again is closed at once', () => {
    const { sent, event, room, subscription } = byHand(1, false)
    for (const rev of [1, 2, 3]) event(rev)
    expect(subscription.finished).toBe(false)
    room(9)
    expect(sent.map(each => each.kind)).toEqual(['kv', 'closed'])
    expect(sent[1]?.result).toMatchObject({ name: 'SLOW_CONSUMER' })
    expect(subscription.finished).toBe(true)
  })

  test('slow, but taking some: no end as long as it can go on', () => {
    const { sent, event, room, subscription } = byHand(2, true)
    for (const rev of [1, 2, 3]) event(rev)
    room(1)
    subscription.tick()
    room(1)
    subscription.tick()
    expect(sent.map(each => each.kind)).toEqual(['kv', 'kv'])
    expect(subscription.info).toMatchObject({ n: 2, queued: 0 })
  })
})
