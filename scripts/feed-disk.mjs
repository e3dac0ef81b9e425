#!/usr/bin/env node
/**
 * What a feed takes on disk before and after retention: `node scripts/feed-disk.mjs [--mib 128] [--keep-mib 16]`. One
 * daemon; a short log, as the log has the records too, for as long as `storage.keepLog` says.
 */
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Daemons } from './nemesis/daemons.mjs'
import { call } from './nemesis/rpc.mjs'
import { sleep } from './nemesis/system.mjs'

const MIB = 2 ** 20
const RECORD_BYTES = 1000
const BATCH = 500
const FEED = 'disk'
/** The disk is looked at until it has not changed for so long. */
const STILL_MS = 10_000

const text = { type: 'string' }
const { values } = parseArgs({ options: { mib: text, 'keep-mib': text, 'base-port': text } })
const [mib, keepMib] = [Number(values.mib ?? 128), Number(values['keep-mib'] ?? 16)]
const folder = mkdtempSync(join(tmpdir(), 'viewstamp-feed-disk-'))
const daemons = new Daemons(join(folder, 'c'), 1, Number(values['base-port'] ?? 32_200))
try {
  const config = join(folder, 'c', 'n1', 'config.yaml')
  appendFileSync(config, '\nstorage: { checkpointEvery: 100, keepLog: { ops: 100 } }\n')
  await daemons.startAll()
  await daemons.untilWritable()
  await call(daemons.url(0), 'feed.create', { feed: FEED })
  await publish(mib)
  await tell('published')
  const retention = { bytes: keepMib * MIB }
  await call(daemons.url(0), 'feed.update', { feed: FEED, retention })
  // So many operations, and some time, make the next checkpoint.
  for (let turn = 0; turn < 5; turn++) await churn()
  await tell(`retention of ${keepMib} MiB`)
  for (const turn of ['once', 'twice']) {
    await publish(mib)
    await churn()
    await tell(`as much published ${turn} more`)
  }
} finally {
  await daemons.killAll()
  rmSync(folder, { recursive: true })
}

async function publish(much) {
  const value = 'x'.repeat(RECORD_BYTES)
  const count = Math.round((much * MIB) / RECORD_BYTES / BATCH)
  for (let i = 0; i < count; i++) {
    const records = Array.from({ length: BATCH }, () => ({ feed: FEED, value: noise(value) }))
    await call(daemons.url(0), 'feed.publishBatch', { records }, 30_000)
  }
}

/** Not to be compressed. */
function noise(value) {
  return Array.from(value, () => Math.floor(36 * Math.random()).toString(36)).join('')
}

async function churn() {
  for (let i = 0; i < 150; i++) await call(daemons.url(0), 'kv.put', { key: 'churn', value: i })
  await sleep(10_500)
}

async function tell(when) {
  let bytes = size()
  for (let since = Date.now(); Date.now() - since < STILL_MS; ) {
    await sleep(500)
    const now = size()
    if (now !== bytes) since = Date.now()
    bytes = now
  }
  const { partitions } = await call(daemons.url(0), 'feed.info', { feed: FEED })
  const [{ records, bytes: held }] = partitions
  const inMib = n => `${(n / MIB).toFixed(1)} MiB`
  console.log(`${when}: ${records} records of ${inMib(held)}; on disk ${inMib(bytes)}`)
}

function size() {
  const dir = join(folder, 'c', 'n1', 'db')
  const sizes = readdirSync(dir).map(name => statSync(join(dir, name)).size)
  return sizes.reduce((sum, each) => sum + each, 0)
}
