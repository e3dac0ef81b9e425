/** The two logs of replication: commands, and the state changes that they made; and what the second is good for. */
import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BIN, cli, Daemons, rpc, sleep } from './processes.ts'

let source: Daemons
let target: Daemons

beforeAll(async () => {
  source = await Daemons.init(3)
  target = await Daemons.init(1)
  await Promise.all([source.startAll(), target.startAll()])
  await Promise.all([source.untilServed(0), source.untilServed(1), source.untilServed(2)])
})

afterAll(async () => {
  await source?.destroy()
  await target?.destroy()
})

const lines = (text: string) => text.split('\n').filter(line => line !== '')

test('the programs of the mission, sent through different nodes, read back as commands and as changes', async () => {
  const programs = ['x=0', 'y=0', 'x+=2', 'y*=4', 'x=x+y', 'x=1; y=3', 'x=7']
  for (const [i, program] of programs.entries()) {
    await rpc(source.url(i % 3), 'kv.apply', { program })
  }
  await source.agree()
  for (let i = 0; i < 3; i++) {
    const commands = await rpc(source.url(i), 'log.read', { as: 'commands' })
    const read = commands.entries.flatMap((entry: { commands: { command?: object }[] }) =>
      entry.commands.flatMap(({ command }) => command ?? []),
    )
    expect(read).toEqual(programs.map(program => ({ op: 'apply', program })))
    const changes = cli(['log', 'read', '--as', 'changes', '-o', 'raw', '-e', source.url(i)])
    expect(lines(changes.stdout)).toEqual(['x=0', 'y=0', 'x=2', 'y=0', 'x=2', 'x=1', 'y=3', 'x=7'])
    const both = await rpc(source.url(i), 'log.read', { as: 'both' })
    const last = both.entries.at(-1)
    expect(last).toMatchObject({
      commands: [{ machine: 'kv', command: { op: 'apply', program: 'x=7' } }],
      changes: [{ key: 'x', value: 7 }],
    })
  }
})

test('state changes alone make the same state: log read, piped into kv import of another cluster', async () => {
  const write = (method: string, params: object) => rpc(source.url(1), method, params)
  const soon = Date.now() + 300
  await write('kv.put', { key: 'gone', value: 1, ttlMs: 200 })
  await write('kv.put', { key: 'stays', value: { $bytes: 'AAEC' }, ttlMs: 3_600_000 })
  await write('kv.put', { key: 'stays', value: { $bytes: 'AwQF' } })
  await write('kv.put', { key: 'later', value: 'é"\n', ttlMs: 3_600_000 })
  await write('kv.incr', { key: 'later2', by: 2 })
  await write('kv.cas', { key: 'x', expect: { value: 99 }, value: 1 })
  await expect(write('kv.put', { key: 'x', value: 1, ifAbsent: true })).rejects.toThrow('exists')
  const then = [
    { del: { key: 'x' } },
    { put: { key: 'x', value: 1 } },
    { put: { key: 'z', value: 2 } },
  ]
  await write('kv.txn', { then })
  await write('kv.del', { prefix: 'y' })
  await Promise.all(
    Array.from({ length: 700 }, (_, i) => write('kv.put', { key: `k${i % 50}`, value: i })),
  )
  const feed = 'orders'
  const config = { partitions: 2, retention: { records: 40 }, compact: 'none', dedupeMs: 1000 }
  await write('feed.create', { feed, ...config })
  await write('feed.publish', { feed, value: { n: 1 }, key: 'é', headers: { h: 'x' }, id: 'i' })
  await write('kv.txn', {
    then: [{ put: { key: 't', value: 1 } }, { publish: { feed, value: 2 } }],
  })
  const records = Array.from({ length: 100 }, (_, value) => ({ feed, value, partition: 1 }))
  await write('feed.publishBatch', { records })
  await write('group.create', { feed, group: 'readers' })
  await write('group.commit', { feed, group: 'readers', offsets: { 1: 70 } })
  await write('feed.create', { feed: 'gone' })
  await write('feed.delete', { feed: 'gone' })
  while (Date.now() < soon) await sleep(20)
  await write('kv.put', { key: 'gone', value: 2 })

  // The first part of it, and then all: what is there is not done twice.
  const half = `"${BIN}" log read --as changes --limit 40 -e ${source.url(2)}`
  const whole = `"${BIN}" log read --as changes -e ${source.url(2)}`
  for (const read of [half, whole]) {
    execFileSync('sh', ['-c', `${read} | "${BIN}" kv import -e ${target.url(0)}`], {
      stdio: 'pipe',
    })
  }
  const there = await rpc(source.url(0), 'kv.hash')
  const here = await rpc(target.url(0), 'kv.hash')
  expect([here.machines.kv, here.rev]).toEqual([there.machines.kv, there.rev])
  const { kv } = await rpc(target.url(0), 'kv.get', { key: 'later' })
  expect(kv).toEqual((await rpc(source.url(0), 'kv.get', { key: 'later' })).kv)
  expect(kv.expiresMs).toBeGreaterThan(Date.now())

  // Feeds: the same records at the same places, but for what the log of the copy says of them.
  const found = async (url: string) => {
    const read = async (partition: number) => {
      const page = await rpc(url, 'feed.read', { feed, partition, from: 'first' })
      const ofTheLog = ['timeMs', 'lamport', 'viewstamp']
      return page.records.map((record: object) =>
        Object.entries(record).filter(([name]) => !ofTheLog.includes(name)),
      )
    }
    const { partitions, groups } = await rpc(url, 'feed.info', { feed })
    const bounds = partitions.map(({ first, next }: { first: number; next: number }) => [
      first,
      next,
    ])
    return { records: [await read(0), await read(1)], bounds, groups }
  }
  const copy = await found(target.url(0))
  expect(copy).toEqual(await found(source.url(0)))
  expect(copy.bounds[1][0]).toBeGreaterThan(50)
  expect((await rpc(target.url(0), 'feed.list')).feeds).toHaveLength(1)
  const { value } = (await rpc(target.url(0), 'feed.read', { feed, partition: 1 })).records.at(-1)
  expect(value).toBe(99)
  await rpc(target.url(0), 'feed.publish', { feed, value: 'next', partition: 1 })

  // And from there it goes on: the log of the copy is as good as that of the original.
  const again = cli(['log', 'read', '--as', 'changes', '-o', 'raw', '-e', target.url(0)])
  expect(lines(again.stdout).slice(0, 8)).toEqual([
    'x=0',
    'y=0',
    'x=2',
    'y=0',
    'x=2',
    'x=1',
    'y=3',
    'x=7',
  ])
})

test('what cannot become the same is refused, with a sentence', async () => {
  const other = await Daemons.init(1)
  try {
    await other.startAll()
    await other.untilServed(0)
    const shell = (command: string) => {
      try {
        execFileSync('sh', ['-c', command], { stdio: 'pipe' })
        return ''
      } catch (error) {
        return String((error as { stderr: Buffer }).stderr)
      }
    }
    const from = `"${BIN}" log read --as changes --from 5 -e ${source.url(0)}`
    const into = `"${BIN}" kv import -e ${other.url(0)}`
    expect(shell(`${from} | ${into}`)).toContain('what lies between is missing')
    const wrong = rpc(other.url(0), 'kv.import', { rev: 7, operations: [[{ key: 'a', value: 1 }]] })
    await expect(wrong).rejects.toMatchObject({ data: { name: 'COMPARE_FAILED', outcome: 'none' } })
    expect((await rpc(other.url(0), 'kv.get', { key: 'a' })).kv).toBeNull()
    expect((await rpc(other.url(0), 'kv.hash')).rev).toBe(0)

    // A foreign write, and the copy is none any more: a repeat does not skip what was never applied.
    const part = `"${BIN}" log read --as changes --limit 4 -e ${source.url(0)}`
    expect(shell(`${part} | ${into}`)).toBe('')
    const { rev } = await rpc(other.url(0), 'kv.put', { key: 'foreign', value: 1 })
    const whole = `"${BIN}" log read --as changes -e ${source.url(0)}`
    for (let i = 0; i < 2; i++) {
      expect(shell(`${whole} | ${into}`)).toContain('begin anew, into an empty cluster')
      expect((await rpc(other.url(0), 'kv.hash')).rev).toBe(rev)
    }
  } finally {
    await other.destroy()
  }
})
