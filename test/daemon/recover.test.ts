/** Lost and damaged data on real processes: the node says so, votes for nothing, and comes back whole. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { cli, Daemons, rpc, sleep } from './processes.ts'

let daemons: Daemons

afterEach(() => daemons.destroy())

const dataDir = (i: number): string => join(daemons.dir, `n${i + 1}`)

async function put(i: number, from: number, count: number): Promise<void> {
  for (let k = from; k < from + count; k++) {
    await rpc(daemons.url(i), 'kv.put', { key: `k${k}`, value: `v${k}` })
  }
}

/** Every key is there, read at the node itself and only of what it holds. */
async function assertAll(i: number, count: number): Promise<void> {
  for (let k = 0; k < count; k++) {
    const { kv } = await rpc(daemons.url(i), 'kv.get', { key: `k${k}`, consistency: 'local' })
    expect(kv?.value).toBe(`v${k}`)
  }
}

async function untilNormal(i: number): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const { shards } = await rpc(daemons.url(i), 'cluster.status').catch(() => ({ shards: [] }))
    if (shards[0]?.status === 'normal') return
    await sleep(100)
  }
  throw new Error(`n${i + 1} does not become normal`)
}

/** A cluster with `count` keys, of which node 1 was stopped. */
async function withOneStopped(count: number): Promise<void> {
  daemons = await Daemons.init()
  await daemons.startAll()
  await daemons.untilWritable()
  await put(0, 0, count)
  await daemons.kill(1)
}

/** One bit of what LevelDB needs to find its files: all of it is lost. A bit in the log: repair.test.ts. */
function flipOneBit(i: number): void {
  const db = join(dataDir(i), 'db')
  const path = join(db, readdirSync(db).find(name => name.startsWith('MANIFEST')) ?? '')
  const bytes = readFileSync(path)
  bytes.writeUInt8(bytes.readUInt8(12) ^ 4, 12)
  writeFileSync(path, bytes)
}

test('one flipped bit in LevelDB’s own files: the damaged data is set aside and fetched from the others', async () => {
  await withOneStopped(60)
  flipOneBit(1)
  await put(0, 60, 20)
  await daemons.start(1)
  await untilNormal(1)
  await daemons.untilWritable()
  await daemons.agree()
  await assertAll(1, 80)
  expect(readdirSync(dataDir(1))).toContain('lost-1')
  // It takes part again: without the other backup a quorum needs it.
  await daemons.kill(2)
  await daemons.untilWritable()
  await put(0, 80, 5)
}, 120_000)

test('wiped: refuses to start, and rejoins as a new incarnation by `recover`', async () => {
  await withOneStopped(40)
  const old = join(daemons.dir, 'old')
  cpSync(dataDir(1), old, { recursive: true })
  for (const part of ['db', 'superblock', 'peers']) {
    rmSync(join(dataDir(1), part), { recursive: true })
  }
  await expect(daemons.start(1)).rejects.toThrow(/wiped.*viewstamp recover/s)
  expect(cli(['recover', '--data-dir', dataDir(1)]).stderr).toMatch(/Name the RPC endpoint/)
  cli(['recover', '--data-dir', dataDir(1), '-e', daemons.url(0)])
  await daemons.start(1)
  await untilNormal(1)
  await daemons.untilWritable()
  await daemons.agree()
  await assertAll(1, 40)
  // The old disk turns up again: it is known for what it is.
  await daemons.kill(1)
  rmSync(dataDir(1), { recursive: true })
  cpSync(old, dataDir(1), { recursive: true })
  await daemons.start(1).catch(() => undefined)
  for (let tries = 0; daemons.isUp(1) && tries < 200; tries++) await sleep(50)
  expect(daemons.isUp(1)).toBe(false)
  await put(0, 40, 5)
}, 120_000)

test('rolled back to an old copy: fenced by the others, and back by `recover`', async () => {
  await withOneStopped(20)
  const old = join(daemons.dir, 'old')
  cpSync(dataDir(1), old, { recursive: true })
  await daemons.start(1)
  await untilNormal(1)
  await put(0, 20, 20)
  await daemons.kill(1)
  rmSync(dataDir(1), { recursive: true })
  cpSync(old, dataDir(1), { recursive: true })
  // Its start number is the one that the others have seen, of another process.
  await daemons.start(1).catch(() => undefined)
  for (let tries = 0; daemons.isUp(1) && tries < 400; tries++) await sleep(50)
  if (daemons.isUp(1)) {
    throw new Error(`a copy of the data directory takes part\n${daemons.logOf(1)}`)
  }
  cli(['recover', '--data-dir', dataDir(1)])
  await daemons.start(1)
  await untilNormal(1)
  await daemons.agree()
  await assertAll(1, 40)
}, 120_000)
