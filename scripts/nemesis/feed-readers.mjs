/** Who follows the feed from a random place: by long poll, WebSocket and server-sent events, from node to node. */
import http from 'node:http'
import WebSocket from 'ws'
import { FEED, PARTITIONS } from './feed-load.mjs'
import { sleep } from './system.mjs'

/** Nothing came for so long: the node may be stopped, another is asked. */
const SILENT_MS = 2500

/** Where one reader is; each page goes on where the one before it ended. */
class Position {
  constructor(world, client) {
    this.world = world
    this.client = client
    const isFirst = world.draw(2) === 0
    this.next = world.ends.map(end => (isFirst ? 0 : world.draw(end + 1)))
    this.next.forEach((from, partition) => {
      const about = { called: world.now(), returned: world.now() }
      world.page(client, 'stream', { partition, from, next: from, records: [], about })
    })
    /** As text: of all partitions. */
    this.cursor = this.next.map((offset, partition) => `${partition}:${offset}`).join(',')
  }

  take(partition, records, next, node, called = this.world.now()) {
    const about = { called, returned: this.world.now(), node }
    this.world.page(this.client, 'stream', { partition, records, next, about })
    this.next[partition] = next
  }

  isAt(ends) {
    return this.next.every((next, partition) => next >= ends[partition])
  }
}

/** `begin(world, …)` gives where it is, and does not end before the world is done. */
export function poll(world, client) {
  const position = new Position(world, client)
  const follow = async partition => {
    while (!world.isDone) {
      const from = position.next[partition]
      const meta = world.draw(2) === 0 ? {} : { consistency: 'local' }
      const params = { feed: FEED, partition, from, limit: 100, waitMs: 300 }
      const { result, about } = await world.ask('feed.read', params, { meta })
      if (!result || result.records.length === 0) continue
      position.take(partition, result.records, result.next, about.node, about.called)
    }
  }
  const over = Promise.all(Array.from({ length: PARTITIONS }, (_, i) => follow(i)))
  return { client, position, over }
}

export function subscribe(world, client) {
  const position = new Position(world, client)
  return { client, position, over: untilDone(world, () => oneSocket(world, position)) }
}

export function events(world, client) {
  const position = new Position(world, client)
  return { client, position, over: untilDone(world, () => oneEventStream(world, position)) }
}

async function untilDone(world, once) {
  while (!world.isDone) {
    await once()
    await sleep(50)
  }
}

/** Ends `end` when nothing has come for a while, or the world is done. */
function watchdog(world, end) {
  let heard = performance.now()
  const timer = setInterval(() => {
    if (world.isDone || performance.now() - heard > SILENT_MS) end()
  }, 100)
  return {
    heard: () => {
      heard = performance.now()
    },
    stop: () => clearInterval(timer),
  }
}

function oneSocket(world, position) {
  const { name, url } = world.node()
  const socket = new WebSocket(`${url.replace('http', 'ws')}/rpc`)
  const dog = watchdog(world, () => socket.terminate())
  return new Promise(resolve => {
    socket.on('open', () => {
      const params = { feed: FEED, from: position.cursor }
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'feed.subscribe', params }))
    })
    socket.on('message', text => {
      dog.heard()
      const { error, params } = JSON.parse(text)
      if (error || params?.kind === 'closed') return socket.terminate()
      if (params?.cursor !== undefined) position.cursor = params.cursor
      const { partition, records, next } = params?.result ?? {}
      if (records?.length > 0) position.take(partition, records, next, name)
    })
    // A refused or lost connection: another node is asked.
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      dog.stop()
      resolve()
    })
  })
}

function oneEventStream(world, position) {
  const { name, url } = world.node()
  const headers = { 'last-event-id': position.cursor }
  return new Promise(resolve => {
    const request = http.get(`${url}/events?feed=${FEED}`, { headers, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', part => {
        dog.heard()
        const blocks = (text + part).split('\n\n')
        text = blocks.pop()
        for (const block of blocks) takeEvent(block)
      })
      response.on('error', () => request.destroy())
    })
    const takeEvent = block => {
      const [, id, data] = /^id: (.*)\ndata: (.*)$/.exec(block) ?? []
      if (data === undefined) return block.startsWith('event: closed') && request.destroy()
      const record = JSON.parse(data)
      position.cursor = id
      position.take(record.partition, [record], record.offset + 1, name)
    }
    const dog = watchdog(world, () => request.destroy())
    // A refused or lost connection: another node is asked.
    request.on('error', () => request.destroy())
    request.on('close', () => {
      dog.stop()
      resolve()
    })
  })
}
