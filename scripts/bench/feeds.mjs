/** What is measured of feeds besides records published: followers, bulk reads, growth. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import WebSocket from 'ws'
import { feed, valueText } from './calls.mjs'
import { callOnce, connectHttp } from './client-http.mjs'
import { load } from './load.mjs'
import { cpuSeconds, memoryMiB, sleep } from './processes.mjs'
import { primaryEndpoint } from './suites.mjs'

const followedPerSecond = 20_000
/** What 1 and 100 subscribers are compared at: 100 of them get 100 times as much. */
const sharedPerSecond = 1_000
const turnMs = 10

/** `{follow, one, hundred, bulk}`: rates in records a second, lag in records, CPU in cores of all nodes. */
export async function feeds(cluster, { quick }) {
  const secs = quick ? 2 : 10
  const follow = await followed(cluster, { subscribers: 1, perSecond: followedPerSecond, secs })
  const one = await followed(cluster, { subscribers: 1, perSecond: sharedPerSecond, secs })
  const hundred = await followed(cluster, { subscribers: 100, perSecond: sharedPerSecond, secs })
  return { follow, one, hundred, bulk: await bulk(cluster, quick ? 100_000 : 1_000_000) }
}

/** A publisher at a given rate, and subscribers spread over all nodes. */
async function followed(cluster, { subscribers, perSecond, secs }) {
  const client = connectHttp([await primaryEndpoint(cluster)])
  const value = valueText(128)
  await client.publishBatch(1, value)
  // A node that is behind would count what was published before.
  await cluster.settled()
  const counts = await Promise.all(
    Array.from({ length: subscribers }, (_, i) => subscribe(cluster.endpoints[i % 3 ? 1 : 2])),
  )
  const cpu = () => cluster.pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
  const [cpuBefore, started] = [cpu(), performance.now()]
  let [published, lag] = [0, 0]
  const behind = () => published - Math.min(...counts.map(each => each.records))
  while (performance.now() - started < secs * 1000) {
    const due = Math.floor(((performance.now() - started) / 1000) * perSecond) - published
    if (due > 0) await client.publishBatch(Math.min(due, 1000), value)
    published += Math.max(0, Math.min(due, 1000))
    lag = Math.max(lag, behind())
    await sleep(turnMs)
  }
  const took = (performance.now() - started) / 1000
  const cores = (cpu() - cpuBefore) / took
  for (let i = 0; i < 500 && behind() > 0; i++) await sleep(turnMs)
  const missing = behind()
  for (const { socket } of counts) socket.close()
  client.close()
  return { subscribers, perSecond: published / took, lag, missing, cores }
}

/** Counts what one subscriber gets, and that nothing is left out. */
async function subscribe(endpoint) {
  const socket = new WebSocket(`ws://${endpoint}/rpc`)
  const count = { socket, records: 0, next: undefined }
  await new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('open', () => {
      const params = { feed, from: 'now' }
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'feed.subscribe', params }))
    })
    socket.on('message', text => {
      const message = JSON.parse(text)
      if (message.error) return reject(new Error(message.error.message))
      if (message.id === 1) return resolve()
      if (message.params.kind !== 'feed') return
      const { records, next } = message.params.result
      count.next ??= records[0].offset
      if (records[0].offset !== count.next) return socket.close()
      count.records += records.length
      count.next = next
    })
  })
  return count
}

/** The whole feed as one file from one node, behind enough records. */
async function bulk(cluster, records) {
  const endpoint = await primaryEndpoint(cluster)
  const bounds = async () => (await callOnce(endpoint, 'feed.info', { feed })).partitions[0]
  const size = ({ first, next }) => next - first
  while (size(await bounds()) < records) await publish(endpoint, 2)
  // What was under way when publishing ended may still come.
  const all = size(await bounds())
  const started = performance.now()
  let [lines, bytes] = [0, 0]
  const from = cluster.endpoints[cluster.endpoints.indexOf(endpoint) === 0 ? 1 : 0]
  const answer = await fetch(`http://${from}/feeds/${feed}.ndjson?from=first`)
  for await (const chunk of answer.body) {
    bytes += chunk.length
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++
  }
  const secs = (performance.now() - started) / 1000
  if (lines < all) throw new Error(`${lines} lines of ${all} records`)
  return { records: lines, perSecond: lines / secs, MiBPerSecond: bytes / secs / 2 ** 20 }
}

function publish(endpoint, secs, more = {}) {
  const work = { path: 'http', op: 'publish-batch', inFlight: 16, warmSecs: 0, secs, ...more }
  return load({ ...work, endpoints: [endpoint] })
}

/** A process that has just started grows under any load; the feed is made empty again behind it. */
const warmMiB = 256

/** Memory and disk of each node while a feed grows from nothing by so many MiB of values of 4 KiB. */
export async function growth(cluster, MiB) {
  const endpoint = await primaryEndpoint(cluster)
  const points = []
  const bytes = async () => {
    const { feeds: all } = await callOnce(endpoint, 'feed.list', { prefix: feed }, 20_000)
    return all[0].bytes / 2 ** 20
  }
  const note = async () => {
    const feedMiB = await bytes()
    points.push({ feedMiB, memoryMiB: cluster.pids.map(memoryMiB) })
    return feedMiB
  }
  const started = cluster.pids.map(memoryMiB)
  do await publish(endpoint, 5, { valueBytes: 4096 })
  while ((await bytes()) < warmMiB)
  const { next } = (await callOnce(endpoint, 'feed.info', { feed }, 20_000)).partitions[0]
  await callOnce(endpoint, 'feed.truncate', { feed, beforeOffset: next }, 20_000)
  for (let grown = await note(); grown < MiB; grown = await note()) {
    const { errors, firstError } = await publish(endpoint, 5, { valueBytes: 4096 })
    if (errors > 0) throw new Error(firstError)
  }
  return { started, points, diskMiB: cluster.directories.map(diskMiB) }
}

function diskMiB(directory) {
  let bytes = 0
  for (const name of readdirSync(directory, { recursive: true })) {
    const found = statSync(join(directory, name), { throwIfNoEntry: false })
    if (found?.isFile()) bytes += found.size
  }
  return bytes / 2 ** 20
}
