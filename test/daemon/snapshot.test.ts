/** Backup and restore on real daemons: the restored cluster is another, with the same state. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cli, Daemons, rpc } from './processes.ts'

let old: Daemons
let restored: Daemons
let file: string

beforeAll(async () => {
  old = await Daemons.init(3, '--shards', '2')
  restored = await Daemons.planned(3)
  file = join(old.dir, 'a.snapshot')
  await old.startAll()
  await old.untilWritable()
})

afterAll(async () => {
  await old?.destroy()
  await restored?.destroy()
})

const hashesOf = async (url: string) => {
  const of = (shard: string) => rpc(url, 'kv.hash', { meta: { shard, consistency: 'local' } })
  return { main: (await of('main')).hash, s1: (await of('s1')).hash }
}

test('a snapshot is made while writes go on, fetched, and whole', async () => {
  for (let i = 0; i < 40; i++) await rpc(old.url(i % 3), 'kv.put', { key: `k${i}`, value: i })
  let going = true
  let written = 0
  const writer = (async () => {
    for (; going; written++) await rpc(old.url(0), 'kv.put', { key: 'busy', value: written })
  })()
  const saved = cliOf(['snapshot', 'save', file, '-e', old.url(1), '-o', 'json'])
  going = false
  await writer
  expect(saved).toMatchObject({ hash: expect.stringMatching(/^[0-9a-f]{64}$/), file })
  const verified = cliOf(['snapshot', 'verify', file, '-o', 'json'])
  expect(verified).toMatchObject({ ok: true, hash: saved.hash, bytes: saved.bytes })
  expect(verified.shards).toHaveLength(2)
  const { snapshots } = await rpc(old.url(1), 'snapshot.list')
  expect(snapshots.map((each: { hash: string }) => each.hash)).toEqual([saved.hash])
})

test('a restored cluster has that state, its own name for it, and none of the sessions', async () => {
  const { shard } = (await rpc(old.url(0), 'kv.get', { key: 'n' })).header
  const { session } = await rpc(old.url(0), 'session.open', { meta: { shard } })
  const add = { key: 'n', meta: { session, seq: 1 } }
  expect(await rpc(old.url(0), 'kv.incr', add)).toMatchObject({ value: 1 })
  cliOf(['snapshot', 'save', file, '--force', '-e', old.url(2), '-o', 'json'])
  const { shards } = cliOf(['snapshot', 'verify', file, '-o', 'json'])
  const base = String(restored.basePort)
  const made = cliOf([
    'snapshot',
    'restore',
    file,
    '--dir',
    restored.dir,
    '--base-port',
    base,
    '--json',
  ])
  expect(made.nodes).toHaveLength(3)
  // Feeds are no machine that a user has to name.
  expect(readFileSync(made.nodes[0].config, 'utf8')).not.toContain('stateMachines')
  await restored.startAll()
  await restored.untilServed(0)
  expect(await hashesOf(restored.url(0))).toEqual({
    main: shards[0].stateHash,
    s1: shards[1].stateHash,
  })
  // The write was executed, and is in the state; a repeat of it is refused rather than executed again.
  await expect(rpc(restored.url(1), 'kv.incr', add)).rejects.toMatchObject({
    data: { name: 'SESSION_EVICTED', outcome: 'unknown' },
  })
  const { kv } = await rpc(restored.url(2), 'kv.get', { key: 'n' })
  expect(kv).toMatchObject({ value: 1, version: 1 })
  const { rev } = await rpc(restored.url(2), 'kv.put', { key: 'n', value: 2 })
  expect(rev).toBeGreaterThan(kv.rev)
  const ids = await Promise.all([old, restored].map(each => rpc(each.url(0), 'cluster.members')))
  expect(new Set(ids.map(each => each.foundingId)).size).toBe(2)
})

test('a node of it that lost its disk gets everything from the others', async () => {
  await restored.kill(2)
  for (const part of ['db', 'superblock', 'peers', 'witness']) {
    rmSync(join(restored.dir, 'n3', part), { recursive: true })
  }
  cliOf(['recover', '--data-dir', join(restored.dir, 'n3'), '-e', restored.url(0), '--json'])
  await restored.start(2)
  await restored.agree()
})

test('a damaged file is neither verified nor restored, and nothing is left of the try', () => {
  const bytes = readFileSync(file)
  const at = bytes.length - 100
  bytes[at] = (bytes[at] ?? 0) ^ 4
  const bad = `${file}.bad`
  writeFileSync(bad, bytes)
  expect(cli(['snapshot', 'verify', bad])).toMatchObject({ code: 9 })
  const target = join(old.dir, 'x')
  const refused = cli(['snapshot', 'restore', bad, '--dir', target, '--base-port', '33900'])
  expect(refused).toMatchObject({ code: 9, stderr: expect.stringContaining('damaged') })
  expect(cli(['snapshot', 'restore', file, '--dir', restored.dir]).stderr).toContain('is not empty')
  expect(cli(['snapshot', 'save', file, '-e', old.url(0)])).toMatchObject({ code: 2 })
})

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the tests
function cliOf(words: readonly string[]): any {
  const { code, stdout, stderr } = cli(words)
  expect(stderr === '' || code === 0 ? code : stderr).toBe(0)
  return JSON.parse(stdout)
}
