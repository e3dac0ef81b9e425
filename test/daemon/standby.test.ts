/** A standby on real daemons: it follows, serves readers, and nothing depends on it. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, cli, Daemons, rpc, sleep } from './processes.ts'

let cluster: Daemons
/** The standby's number. */
const s = 3

beforeAll(async () => {
  cluster = await Daemons.withStandbys(3, 1)
  await cluster.startAll()
  await cluster.start(s)
  await cluster.untilServed(s)
})

afterAll(() => cluster?.destroy())

const at = (i: number, method: string, params: object = {}) => rpc(cluster.url(i), method, params)
const locally = { meta: { consistency: 'local' } }
const statusOf = async () => (await at(s, 'cluster.status')).shards[0]

/** Asks again until it is so: what is waited for has no time of its own. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const start = Date.now(); Date.now() - start < 20_000; await sleep(10)) {
    if (await isSo().catch(() => false)) return
  }
  throw new Error(`never: ${what}`)
}

/** The standby has what node i has. */
async function caughtUp(i: number): Promise<void> {
  await until(`the standby has what n${i + 1} has`, async () => {
    const [there, here] = await Promise.all([at(i, 'kv.hash', locally), at(s, 'kv.hash', locally)])
    return there.hash === here.hash && there.op === here.op
  })
}

test('it reaches the state of the others, and says what it is', async () => {
  for (let i = 0; i < 30; i++) await at(i % 3, 'kv.put', { key: `k${i}`, value: i })
  await at(1, 'feed.publish', { feed: 'orders', value: 'first' })
  await caughtUp(0)
  expect((await at(s, 'kv.get', { key: 'k29', ...locally })).kv.value).toBe(29)
  const status = await at(s, 'cluster.status')
  expect(status).toMatchObject({ name: 'standby1', role: 'standby', alarms: [] })
  expect(status.shards[0]).toMatchObject({ status: 'normal', isPrimary: false, lag: 0 })
  expect(status.shards[0].lagMs).toBeLessThan(3000)
  const { members } = await at(0, 'cluster.members')
  expect(members.map(({ name, role }: Answer) => `${name} ${role}`)).toEqual([
    'n1 replica',
    'n2 replica',
    'n3 replica',
    'standby1 standby',
  ])
  const rows = cli(['status', '--all', '-o', 'jsonl', '-e', cluster.url(0)]).stdout
  expect(rows).toContain('"name":"standby1"')
  expect(cli(['log', 'verify', '--all', '-e', cluster.url(s)]).code).toBe(0)
  expect((await fetch(`${cluster.url(s)}/readyz`)).status).toBe(200)
  const metrics = await (await fetch(`${cluster.url(s)}/metrics`)).text()
  expect(metrics).toContain('viewstamp_standby_lag_ops{shard="main"} 0')
})

test('it takes any call: writes and linearizable reads go by the primary', async () => {
  const { rev } = await at(s, 'kv.put', { key: 'through', value: 1 })
  expect((await at(1, 'kv.get', { key: 'through' })).kv).toMatchObject({ value: 1, rev })
  await at(2, 'kv.put', { key: 'through', value: 2 })
  expect((await at(s, 'kv.get', { key: 'through' })).kv.value).toBe(2)
  const meta = { consistency: 'session', minRev: rev + 1 }
  expect((await at(s, 'kv.get', { key: 'through', meta })).kv.value).toBe(2)
  const refused = at(s, 'kv.put', { key: 'x', value: 1, meta: { forward: false } })
  await expect(refused).rejects.toMatchObject({ data: { name: 'NOT_PRIMARY' } })
})

test('who subscribes there hears of what is written elsewhere', async () => {
  const poll = at(s, 'kv.poll', { key: 'heard', from: 'now', waitMs: 10_000 })
  const feed = at(s, 'feed.read', { feed: 'orders', from: 1, waitMs: 10_000 })
  const stop = new AbortController()
  const stream = await fetch(`${cluster.url(s)}/events?watch=key:heard`, { signal: stop.signal })
  await at(0, 'kv.put', { key: 'heard', value: 'yes' })
  await at(1, 'feed.publish', { feed: 'orders', value: 'second' })
  const { events } = await poll
  expect(events[0].changes).toMatchObject([{ key: 'heard', value: 'yes' }])
  expect((await feed).records).toMatchObject([{ offset: 1, value: 'second' }])
  let text = ''
  const decoder = new TextDecoder()
  for await (const part of stream.body ?? []) {
    text += decoder.decode(part)
    if (text.includes('"heard"')) break
  }
  stop.abort()
  expect(text).toContain('yes')
})

test('it never becomes primary, and says so', async () => {
  for (const i of [0, s]) {
    await expect(at(i, 'cluster.stepDown', { to: 'standby1' })).rejects.toThrow('is a standby')
  }
})

test('it follows to the next primary, and after being killed goes on from its disk', async () => {
  const primary = await cluster.primary()
  await cluster.kill(primary)
  await until(
    'a write goes through',
    async () => !!(await at(s, 'kv.put', { key: 'after', value: 1 })),
  )
  await caughtUp((primary + 1) % 3)
  expect((await statusOf()).view).toBeGreaterThan(0)
  await cluster.kill(s)
  const other = (primary + 1) % 3
  for (let i = 0; i < 20; i++) await at(other, 'kv.put', { key: `while ${i}`, value: i })
  await cluster.start(s)
  await caughtUp(other)
  await cluster.start(primary)
  await cluster.untilServed(primary)
})

test('with it alone beside the primary nothing is acknowledged; it serves what it has', async () => {
  const primary = await cluster.primary()
  const others = [0, 1, 2].filter(i => i !== primary)
  await caughtUp(primary)
  for (const i of others) await cluster.kill(i)
  const lost = at(s, 'kv.put', { key: 'alone', value: 1, meta: { timeoutMs: 1500 } })
  await expect(lost).rejects.toMatchObject({ data: { retryable: true } })
  expect((await at(s, 'kv.get', { key: 'alone', ...locally })).kv).toBeNull()
  expect((await at(s, 'kv.get', { key: 'k7', ...locally })).kv.value).toBe(7)
  const health = await at(s, 'cluster.health')
  expect(health).toMatchObject({ quorum: false, faultsTolerated: 0 })
  for (const i of others) await cluster.start(i)
  await until(
    'a write goes through',
    async () => !!(await at(s, 'kv.put', { key: 'again', value: 1 })),
  )
})

test('nothing depends on it: without it there is a word of advice, and no more', async () => {
  await cluster.kill(s, 'SIGTERM')
  await until('it is missed', async () => {
    const { advice } = await at(0, 'cluster.health')
    return advice.length === 1 && advice[0].startsWith('the standby standby1 is not connected')
  })
  expect(await at(0, 'cluster.health')).toMatchObject({ quorum: true, faultsTolerated: 1 })
  expect((await fetch(`${cluster.url(0)}/readyz`)).status).toBe(200)
  expect(cli(['log', 'verify', '--all', '-e', cluster.url(0)]).code).toBe(0)
  await cluster.start(s)
  await caughtUp(0)
})

test('a role that is not its own is refused, and so is a standby without data', async () => {
  await cluster.kill(s, 'SIGTERM')
  const text = readFileSync(cluster.config(s), 'utf8')
  writeFileSync(cluster.config(s), text.replace(', role: standby', ''))
  await expect(cluster.start(s)).rejects.toThrow('none of the cluster.members')
  writeFileSync(cluster.config(s), text.replace('name: standby1, dataDir', 'name: other, dataDir'))
  await expect(cluster.start(s)).rejects.toThrow('none of the cluster.standbys')
  writeFileSync(cluster.config(s), text)
  for (const part of ['db', 'superblock', 'witness', 'peers', 'identity.key']) {
    rmSync(join(cluster.dir, 'standby1', part), { recursive: true, force: true })
  }
  await expect(cluster.start(s)).rejects.toThrow('a standby founds no cluster')
})

test('one for a cluster that is there: made by hand, let in node by node, it fetches all there is', async () => {
  const other = await Daemons.withStandbys(3, 0)
  try {
    for (let i = 0; i < 3; i++) {
      other.configure(i, 'storage: { checkpointEvery: 50, keepLog: { ops: 10, age: 0s } }')
    }
    await other.startAll()
    await other.untilServed(0)
    const put = (i: number) => rpc(other.url(i % 3), 'kv.put', { key: `k${i}`, value: i })
    await Promise.all(Array.from({ length: 1100 }, (_, i) => put(i)))
    const base = String(other.basePort + 30)
    const how = ['--dir', other.dir, '--base-port', base, '-e', other.url(0), '-o', 'json']
    expect(cli(['standby', 'n2', ...how]).stderr).toContain('has a node n2 already')
    const { line } = JSON.parse(cli(['standby', 'standby1', ...how]).stdout)
    for (let i = 0; i < 3; i++) {
      const text = readFileSync(other.config(i), 'utf8')
      writeFileSync(other.config(i), text.replace('p2p:', `  standbys:\n    ${line}\np2p:`))
      await other.kill(i, 'SIGTERM')
      await other.start(i)
      await other.untilServed(i)
    }
    await other.start(3)
    await other.untilServed(3)
    const [there, here] = await Promise.all([0, 3].map(i => rpc(other.url(i), 'kv.hash')))
    expect(here.hash).toBe(there.hash)
    expect((await rpc(other.url(3), 'log.info')).first).toBeGreaterThan(1)
  } finally {
    await other.destroy()
  }
})
