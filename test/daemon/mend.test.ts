/** A disk that gives something else than was written, under a running daemon: it is mended, and the process goes on. */
import { readdirSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { assertAll, dataDir, fill, inTables, spoil, textOf } from './damage.ts'
import { cli, Daemons, RpcError, rpc, sleep } from './processes.ts'

let daemons: Daemons
afterEach(() => daemons?.destroy())

const KEYS = 420
const FOUND_SOON = '200ms'
const same = (value: unknown, expected: string) => expect(value).toBe(expected)

/** Three nodes with all keys; the tables of the third are read so often. */
async function running(scrubEvery = FOUND_SOON): Promise<void> {
  daemons = await Daemons.init(3)
  await daemons.startAll()
  await daemons.untilWritable()
  await fill(daemons, KEYS)
  await inTables(daemons, 2, scrubEvery)
}

async function said(i: number, what: RegExp): Promise<void> {
  while (!what.test(daemons.logOf(i))) {
    if (!daemons.isUp(i)) throw new Error(`n${i + 1} has ended\n${daemons.logOf(i)}`)
    await sleep(20)
  }
}

/** The state in memory, what each node says of it, and every value on the disk. */
async function assertWhole(i: number): Promise<void> {
  await daemons.agree()
  await assertAll(same, daemons, i, KEYS)
  expect((await rpc(daemons.url(i), 'cluster.status')).alarms).toEqual([])
  await daemons.kill(i)
  const { code, stdout } = cli(['inspect', dataDir(daemons, i), '--verify'])
  expect({ code, stdout }).toMatchObject({ code: 0 })
}

test('an entry that is still in memory is written again; nobody notices', async () => {
  await running()
  const { uptimeMs } = await rpc(daemons.url(2), 'cluster.status')
  spoil(daemons, 2, KEYS - 5, 'bit')
  await said(2, /entry \d+ of the log was damaged on disk, and is written again from memory/)
  const status = await rpc(daemons.url(2), 'cluster.status')
  expect(status.uptimeMs).toBeGreaterThan(uptimeMs)
  expect(status.mended).toBeUndefined()
  expect(daemons.logOf(2)).not.toContain('opens it again')
  await assertWhole(2)
}, 120_000)

test('an older one is fetched by its checksum; the primary hands over, and every answer is true', async () => {
  await running()
  while (!(await rpc(daemons.url(2), 'cluster.status')).shards[0].isPrimary) {
    await rpc(daemons.url(2), 'cluster.stepDown', { to: 'n3' })
  }
  const writing = countThrough(2)
  spoil(daemons, 2, 10, 'bit')
  await said(2, /n3 goes on with its data opened again/)
  expect(daemons.logOf(2)).toMatch(
    /db is damaged: .*\. n3 closes its data and opens it again \(1 of 5/,
  )
  await said(2, /are whole again/)
  await daemons.untilServed(2)
  const { done, unknown, refused } = await writing()
  expect(
    refused.every(name => /^(NOT_READY|NO_QUORUM|VIEW_CHANGE|SHUTTING_DOWN)$/.test(name)),
  ).toBe(true)
  const { kv } = await rpc(daemons.url(0), 'kv.get', { key: 'counter' })
  expect(kv.value).toBeGreaterThanOrEqual(done)
  expect(kv.value).toBeLessThanOrEqual(done + unknown)
  const { mended } = await rpc(daemons.url(2), 'cluster.status')
  expect(mended).toMatchObject({ times: 1, why: expect.stringContaining('is damaged') })
  const { advice } = await rpc(daemons.url(2), 'cluster.health')
  expect(advice).toContainEqual(
    expect.stringMatching(/n3 found its data damaged and mended it once/),
  )
  expect(readdirSync(dataDir(daemons, 2))).not.toContain('lost-1')
  await assertWhole(2)
}, 120_000)

test('what LevelDB cannot read is set aside, all of it fetched, and a watch told where to go on', async () => {
  await running()
  const ended = watchEnd(2)
  spoil(daemons, 2, 10, 'blocks')
  await said(2, /the damaged data is in .*lost-1/)
  expect(await ended).toMatchObject({ kind: 'closed', name: 'NOT_READY' })
  await said(2, /n3 goes on with its data opened again/)
  await daemons.agree()
  await rpc(daemons.url(2), 'kv.put', { key: 'after', value: 1 })
  expect(readdirSync(dataDir(daemons, 2))).toContain('lost-1')
  await assertWhole(2)
}, 120_000)

test('damage that LevelDB meets as it merges its tables is set aside like any other', async () => {
  await running('1h')
  spoil(daemons, 2, 10, 'blocks')
  // What is written over and over is merged.
  while (!/goes on with its data opened again/.test(daemons.logOf(2))) {
    if (!daemons.isUp(2)) throw new Error(`n3 has ended\n${daemons.logOf(2)}`)
    await Promise.all(
      Array.from({ length: KEYS }, (_, k) =>
        rpc(daemons.url(0), 'kv.put', { key: `k${k}`, value: textOf(k) }),
      ),
    )
  }
  expect(daemons.logOf(2)).toMatch(/takes no more writes\. n3 closes its data and opens it again/)
  expect(readdirSync(dataDir(daemons, 2))).toContain('lost-1')
  await assertWhole(2)
}, 120_000)

/** Adds one, over and over; gives how it ended when it is called. */
function countThrough(i: number) {
  const fates = { done: 0, unknown: 0, refused: [] as string[] }
  let isOver = false
  const run = (async () => {
    while (!isOver) {
      try {
        await rpc(daemons.url(i), 'kv.incr', { key: 'counter', meta: { timeoutMs: 2000 } })
        fates.done++
      } catch (error) {
        const outcome = error instanceof RpcError ? error.data.outcome : 'unknown'
        if (outcome === 'unknown') fates.unknown++
        else if (error instanceof RpcError) fates.refused.push(String(error.data.name))
      }
    }
  })()
  return async () => {
    isOver = true
    await run
    return fates
  }
}

/** The last event of a subscription. */
function watchEnd(i: number): Promise<unknown> {
  const socket = new WebSocket(`${daemons.url(i).replace('http', 'ws')}/rpc`)
  return new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error('the connection was lost'))
    socket.onopen = () => {
      const params = { prefix: 'k', from: 'now' }
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'kv.watch', params }))
    }
    socket.onmessage = ({ data }) => {
      const { params } = JSON.parse(String(data))
      if (params?.kind !== 'closed') return
      socket.close()
      resolve({ kind: params.kind, name: params.result?.name ?? params.name ?? params.reason })
    }
  })
}
