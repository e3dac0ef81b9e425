/** Iterations over what is pushed: resumed without a gap or a duplicate, held back by a slow reader. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Client } from '../../src/client/connect.ts'
import { HEADER, ok, Played } from './played.ts'
import { type Peer, Sockets } from './sockets.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const noHttp = () => new Played(() => 'refused')
const change = (rev: number) => ({ type: 'put', key: 'x', rev, value: rev })
const kv = (rev: number) => ({
  kind: 'kv',
  rev,
  view: 1,
  timeMs: 5,
  result: { op: rev, changes: [change(rev)] },
})
const bookmark = (rev: number) => ({ kind: 'bookmark', rev, result: {} })

/** Takes so many revs and leaves. */
async function take(client: Client, count: number, from: number | string = 'now') {
  const revs: number[] = []
  for await (const { rev } of client.kv.watch({ key: 'x', from })) {
    revs.push(rev)
    if (revs.length === count) break
  }
  return revs
}

/** What each connection was asked, in turn, and what it says to that. */
function script(sockets: Sockets, acts: readonly ((peer: Peer) => void)[]): unknown[] {
  const asked: unknown[] = []
  sockets.onConnect = peer => {
    peer.open()
    const [call] = peer.sent
    asked.push(call.params.from)
    acts[asked.length - 1]?.(peer)
  }
  return asked
}
const accept = (peer: Peer, startRev: number): void =>
  peer.answer(1, { subscription: 's1', startRev, header: HEADER })

test('an event is one commit, whole', async () => {
  const sockets = new Sockets()
  script(sockets, [
    peer => {
      accept(peer, 5)
      peer.event(1, { ...kv(5), cursor: '@5.1', shard: 'main' })
    },
  ])
  for await (const event of sockets.client(noHttp()).kv.watch('x')) {
    const { changes } = kv(5).result
    const where = { rev: 5, shard: 'main', cursor: '@5.1', view: 1, op: 5, timeMs: 5 }
    expect(event).toEqual({ ...where, changes })
    break
  }
  expect(sockets.peers[0]).toMatchObject({ isClosed: true })
  expect(sockets.peers[0]?.sent[0].params).toEqual({ key: 'x' })
})

test('it goes on behind the last event at the next endpoint, and behind bookmarks', async () => {
  const sockets = new Sockets()
  const asked = script(sockets, [
    peer => {
      accept(peer, 5)
      peer.event(1, kv(5))
      peer.event(2, kv(6))
      peer.end()
    },
    peer => {
      accept(peer, 7)
      peer.event(1, bookmark(19))
      peer.end()
    },
    peer => {
      accept(peer, 20)
      peer.event(1, kv(20))
    },
  ])
  const taken = take(sockets.client(noHttp(), {}, ['a.example:1', 'b.example:1']), 3)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await taken).toEqual([5, 6, 20])
  expect(asked).toEqual(['now', 7, 20])
  expect(sockets.peers.map(({ endpoint }) => endpoint)).toEqual([
    'http://a.example:1',
    'http://b.example:1',
    'http://a.example:1',
  ])
})

test('«now» is the first now: what is lost before the first event is not skipped', async () => {
  const sockets = new Sockets()
  const asked = script(sockets, [
    peer => {
      accept(peer, 5)
      peer.end()
    },
    peer => {
      accept(peer, 5)
      peer.event(1, kv(5))
    },
  ])
  const taken = take(sockets.client(noHttp()), 1)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await taken).toEqual([5])
  expect(asked).toEqual(['now', 5])
})

test('a number that is missing among the events is a loss: it is asked again', async () => {
  const sockets = new Sockets()
  const asked = script(sockets, [
    peer => {
      accept(peer, 5)
      peer.event(1, kv(5))
      peer.event(3, kv(7))
    },
    peer => {
      accept(peer, 6)
      peer.event(1, kv(6))
      peer.event(2, kv(7))
    },
  ])
  const taken = take(sockets.client(noHttp()), 3)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await taken).toEqual([5, 6, 7])
  expect(asked).toEqual(['now', 6])
})

test('«closed» by the daemon is resumed; a refusal ends it', async () => {
  const sockets = new Sockets()
  script(sockets, [
    peer => {
      accept(peer, 5)
      peer.event(1, kv(5))
      peer.event(2, { kind: 'closed', rev: 5, result: { name: 'SLOW_CONSUMER', resumeFrom: 6 } })
    },
    peer => {
      const data = { name: 'REV_COMPACTED', outcome: 'none', retryable: false, first: 9 }
      const error = { code: 1002, message: 'not kept', data }
      peer.text(JSON.stringify({ jsonrpc: '2.0', id: 1, error }))
    },
  ])
  const taken = take(sockets.client(noHttp()), 9).catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await taken).toMatchObject({ name: 'REV_COMPACTED', data: { first: 9 } })
})

test('a node that cannot serve it now is left for another: before it is «now», and behind an event', async () => {
  const sockets = new Sockets()
  const data = { name: 'NO_QUORUM', outcome: 'unknown', retryable: true }
  const error = { code: -32001, message: 'no majority', data }
  const refuse = (peer: Peer): void => peer.text(JSON.stringify({ jsonrpc: '2.0', id: 1, error }))
  const asked = script(sockets, [
    refuse,
    peer => {
      accept(peer, 5)
      peer.event(1, kv(5))
      peer.end()
    },
    refuse,
    refuse,
    refuse,
    peer => {
      accept(peer, 6)
      peer.event(1, kv(6))
    },
    ...Array.from({ length: 2 }, () => refuse),
  ])
  const client = sockets.client(noHttp(), {}, ['a.example:1', 'b.example:1'])
  const taken = take(client, 2)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await taken).toEqual([5, 6])
  expect(asked).toEqual(['now', 'now', 6, 6, 6, 6])
  const never = take(client, 1).catch((told: unknown) => told)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await never).toMatchObject({ name: 'NO_QUORUM', message: 'no majority' })
})

test('a reader that is busy holds the connection back, and nothing is lost', async () => {
  const sockets = new Sockets()
  const count = 3_000
  script(sockets, [
    peer => {
      accept(peer, 1)
      for (let rev = 1; rev <= count; rev++) peer.event(rev, kv(rev))
    },
  ])
  let seen = 0
  let paused = false
  for await (const { rev } of sockets.client(noHttp()).kv.watch('x')) {
    paused ||= sockets.peers[0]?.isPaused === true
    expect(rev).toBe(++seen)
    if (seen === count) break
  }
  expect(paused).toBe(true)
  expect(sockets.peers).toHaveLength(1)
})

test('where it cannot be held back, it is dropped and resumed behind what was taken', async () => {
  const sockets = new Sockets()
  sockets.canPause = false
  const flood = 12_000
  const asked = script(sockets, [
    peer => {
      accept(peer, 1)
      for (let rev = 1; rev <= flood; rev++) peer.event(rev, kv(rev))
    },
    peer => {
      accept(peer, 10_001)
      for (let n = 1; n <= 2_000; n++) peer.event(n, kv(10_000 + n))
    },
  ])
  const revs = take(sockets.client(noHttp()), flood)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await revs).toEqual(Array.from({ length: flood }, (_, i) => i + 1))
  expect(asked).toEqual(['now', 10_001])
})

test('a connection without any sign of life is left for another', async () => {
  const sockets = new Sockets()
  const asked = script(sockets, [
    peer => accept(peer, 5),
    peer => {
      accept(peer, 5)
      peer.event(1, kv(5))
    },
  ])
  const taken = take(sockets.client(noHttp(), {}, ['a.example:1', 'b.example:1']), 1)
  await vi.advanceTimersByTimeAsync(51_000)
  expect(await taken).toEqual([5])
  expect(asked).toEqual(['now', 5])
})

test('a daemon that accepts the connection and not the subscription is left, too', async () => {
  const sockets = new Sockets()
  script(sockets, [
    () => {},
    peer => {
      accept(peer, 5)
      peer.event(1, kv(5))
    },
  ])
  const taken = take(sockets.client(noHttp(), {}, ['a.example:1', 'b.example:1']), 1)
  await vi.advanceTimersByTimeAsync(5_500)
  expect(await taken).toEqual([5])
})

test('the signal ends it, and so does closing the client', async () => {
  const sockets = new Sockets()
  sockets.onConnect = peer => {
    peer.open()
    accept(peer, 5)
  }
  const stop = new AbortController()
  const client = sockets.client(noHttp())
  const all = async (signal?: AbortSignal): Promise<string> => {
    for await (const _ of client.kv.watch('x', { signal })) return 'an event'
    return 'ended'
  }
  const [one, other] = [all(stop.signal), all()]
  await sockets.sent(1, 1)
  stop.abort()
  expect(await one).toBe('ended')
  await client.close()
  expect(await other).toBe('ended')
  expect(sockets.peers.every(({ isClosed }) => isClosed)).toBe(true)
})

test('where there are no WebSockets, it polls, and goes on where it was', async () => {
  const sockets = new Sockets()
  sockets.onConnect = peer => peer.end('refused')
  const polled: unknown[] = []
  const played = new Played(({ method, params }) => {
    if (method !== 'kv.poll') return 'refused'
    polled.push([params.from, params.waitMs])
    const [at, events] = [polled.length, [{ rev: polled.length, changes: [] }]]
    return at === 2 ? 'lost' : ok({ events, next: at + 1 })
  })
  const taken = take(sockets.client(played), 2)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await taken).toEqual([1, 3])
  expect(polled).toEqual([
    ['now', 0],
    [2, 20_000],
    [2, 20_000],
  ])
})

test('a feed resumes from the cursor of the last event, and polls where it must; a pattern cannot', async () => {
  const sockets = new Sockets()
  const record = (offset: number) => ({ feed: 'f', partition: 0, offset, value: offset })
  const event = (first: number) => ({
    kind: 'feed',
    rev: first,
    cursor: String(first + 2),
    result: { feed: 'f', partition: 0, records: [record(first), record(first + 1)] },
  })
  const asked = script(sockets, [
    peer => {
      peer.answer(1, { subscription: 's1', cursor: '4', header: HEADER })
      peer.event(1, event(4))
      peer.end()
    },
    peer => {
      peer.answer(1, { subscription: 's1', cursor: '6', header: HEADER })
      peer.event(1, event(6))
    },
  ])
  const follow = async (client: Client, feed: string): Promise<number[]> => {
    const offsets: number[] = []
    for await (const { offset } of client.feed.subscribe(feed)) {
      offsets.push(offset)
      if (offsets.length === 3) break
    }
    return offsets
  }
  const pushed = follow(sockets.client(noHttp()), 'f')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await pushed).toEqual([4, 5, 6])
  expect(asked).toEqual([undefined, '6'])

  sockets.onConnect = peer => peer.end('refused')
  const played = new Played(({ method, params }) => {
    const at = params.from === 'now' ? 9 : Number(params.from)
    return method === 'feed.read' ? ok({ records: [record(at)], next: at + 1 }) : 'refused'
  })
  const polled = follow(sockets.client(played), 'f')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await polled).toEqual([9, 10, 11])
  const pattern = follow(sockets.client(played), 'orders.*').catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await pattern).toMatchObject({ name: 'UNREACHABLE' })
})

test('no daemon at all is told', async () => {
  const sockets = new Sockets()
  sockets.onConnect = peer => peer.end('refused')
  const taken = take(sockets.client(noHttp(), { failFast: true }), 1).catch(
    (error: unknown) => error,
  )
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await taken).toMatchObject({ name: 'UNREACHABLE' })
})

test('with a time, it ends when there was no connection for so long', async () => {
  const sockets = new Sockets()
  let n = 0
  sockets.onConnect = peer => {
    if (++n > 1) return peer.end('refused')
    peer.open()
    accept(peer, 5)
    peer.end()
  }
  const revs: number[] = []
  const watch = async (): Promise<void> => {
    const { kv } = sockets.client(noHttp())
    for await (const { rev } of kv.watch('x', { timeoutMs: 3_000 })) revs.push(rev)
  }
  const watched = watch().catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(2_000)
  const tries = n
  await vi.advanceTimersByTimeAsync(5_000)
  expect(await watched).toMatchObject({ name: 'UNREACHABLE', outcome: 'none' })
  expect([tries > 3, n > tries, revs]).toEqual([true, true, []])
})

test('cluster.watch tells when it was away', async () => {
  const sockets = new Sockets()
  sockets.onConnect = peer => {
    peer.open()
    peer.answer(1, { subscription: 's1', header: HEADER })
    peer.event(1, { kind: 'peer_up', result: { kind: 'peer_up', node: peer.endpoint } })
    peer.end()
  }
  const kinds: string[] = []
  const watch = async (): Promise<void> => {
    for await (const { kind } of sockets.client(noHttp()).cluster.watch({ kinds: ['peer_*'] })) {
      kinds.push(kind)
      if (kinds.length === 3) return
    }
  }
  const watched = watch()
  await vi.advanceTimersByTimeAsync(1_000)
  await watched
  expect(kinds).toEqual(['peer_up', 'watch_resumed', 'peer_up'])
  expect(sockets.peers[0]?.sent[0].params).toEqual({ kinds: ['peer_*'] })
})
