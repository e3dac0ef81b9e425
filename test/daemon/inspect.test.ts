/** viewstamp inspect on the data of a real daemon: not while it runs, everything afterwards. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cli, Daemons, rpc } from './processes.ts'

let daemons: Daemons
let dir: string

beforeAll(async () => {
  daemons = await Daemons.init(1)
  dir = join(daemons.dir, 'n1')
  await daemons.startAll()
})
afterAll(() => daemons?.destroy())

test('a directory in use is left alone', () => {
  expect(cli(['inspect', dir])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Another daemon is using'),
  })
})

test('keys, entries and tables, as the daemon left them', async () => {
  for (let i = 0; i < 5; i++)
    await rpc(daemons.url(0), 'kv.put', { key: `user/${i}`, value: { i } })
  await rpc(daemons.url(0), 'kv.del', { key: 'user/0' })
  await daemons.kill(0)
  const { code, stdout } = cli([
    'inspect',
    dir,
    '--verify',
    '--keys',
    'user/',
    '--log',
    '1..3',
    '--json',
  ])
  expect(code).toBe(0)
  const found = JSON.parse(stdout)
  expect(found).toMatchObject({
    ok: true,
    state: 'complete',
    superblock: { bootCounter: 1, closedInOrder: false },
    cluster: { clusterId: 'demo', name: 'n1' },
  })
  expect(found.identity.peerId).toBe(found.cluster.peerId)
  expect(stdout).not.toContain(readFileSync(join(dir, 'identity.key')).toString('base64'))
  expect(found.entries.map((entry: { op: number }) => entry.op)).toEqual([1, 2, 3])
  // The newest entry is on disk, and only the next one will say that it is committed.
  expect(found.keys.op).toBe(found.shards[0].image.head - 1)
  expect(found.keys.kvs.map((kv: { key: string }) => kv.key)).toEqual(
    [0, 1, 2, 3, 4].map(i => `user/${i}`),
  )
  expect(cli(['inspect', dir, '-o', 'table']).stdout).toMatch(/log +ops 1 to \d+, chain whole/)
})

test('damage is exit code 9, with what to do', () => {
  const name = readdirSync(join(dir, 'db')).find(each => each.endsWith('.log')) ?? ''
  const path = join(dir, 'db', name)
  const bytes = readFileSync(path)
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
  writeFileSync(path, bytes)
  const { code, stdout } = cli(['inspect', dir, '-o', 'table'])
  expect(code).toBe(9)
  expect(stdout).toMatch(/PROBLEM {2}.*viewstamp recover/)
})

test('what is no data directory is said to be none', () => {
  expect(cli(['inspect', daemons.dir])).toMatchObject({ code: 2 })
  expect(cli(['inspect', join(dir, 'nowhere')])).toMatchObject({ code: 2 })
  expect(cli(['inspect', dir, '--log', 'x..y'])).toMatchObject({ code: 2 })
  expect(cli(['inspect', join(dir, 'config.yaml')])).toMatchObject({
    code: 9,
    stderr: expect.stringContaining('is not a snapshot'),
  })
})
