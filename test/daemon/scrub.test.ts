/** A byte that flips on the disk of a running daemon is found before anybody needs it. */
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { cli, Daemons, rpc, sleep } from './processes.ts'

let daemons: Daemons
afterEach(() => daemons?.destroy())

const SCRUB = 'storage: { scrub: { every: 100ms, rate: 1GiB } }'

/** LevelDB moves its log into tables when it is opened again: then node `i` has tables. */
async function withTables(i: number): Promise<void> {
  const put = (k: number) =>
    rpc(daemons.url(0), 'kv.put', { key: `k${k}`, value: `${Math.sin(k)}`.repeat(60) })
  await Promise.all(Array.from({ length: 200 }, (_, k) => put(k)))
  await daemons.agree()
  await daemons.kill(i, 'SIGTERM')
  daemons.configure(i, SCRUB)
  await daemons.start(i)
  await daemons.untilServed(i)
}

/** In the middle of the largest table: log entries. */
function flip(i: number): void {
  const db = join(daemons.dir, `n${i + 1}`, 'db')
  const tables = readdirSync(db).filter(name => name.endsWith('.ldb'))
  const files = tables.map(name => ({ path: join(db, name), bytes: readFileSync(join(db, name)) }))
  files.sort((a, b) => b.bytes.length - a.bytes.length)
  const [largest] = files
  if (largest === undefined) throw new Error('there is no table')
  const { path, bytes } = largest
  const middle = bytes.length >> 1
  // In place: LevelDB has the file in its memory, and a truncated one would end it by a signal.
  const fd = openSync(path, 'r+')
  writeSync(fd, Uint8Array.of((bytes[middle] ?? 0) ^ 0x10), 0, 1, middle)
  closeSync(fd)
}

test('the node ends with the sentence, sets the data aside and comes back whole', async () => {
  daemons = await Daemons.init(3)
  await daemons.startAll()
  await daemons.untilWritable()
  await withTables(2)
  flip(2)
  expect(await daemons.exited(2)).toBe(9)
  expect(daemons.logOf(2)).toMatch(/is damaged: .*viewstamp recover/)
  await daemons.start(2)
  // LevelDB reports it, or gives something else than was written.
  expect(daemons.logOf(2)).toMatch(/the damaged data is in|is damaged at op/)
  await daemons.agree()
  await rpc(daemons.url(2), 'kv.put', { key: 'after', value: 1 })
})

test('a node that nobody could bring back goes on, raises an alarm, and still gives a snapshot', async () => {
  daemons = await Daemons.init(1)
  await daemons.startAll()
  await daemons.untilWritable()
  await withTables(0)
  flip(0)
  for (;;) {
    const { alarms } = await rpc(daemons.url(0), 'cluster.status')
    if (alarms.length === 0) {
      await sleep(20)
      continue
    }
    expect(alarms).toEqual([expect.stringMatching(/is damaged: .*viewstamp snapshot save/)])
    break
  }
  const { advice } = await rpc(daemons.url(0), 'cluster.health')
  expect(advice).toContainEqual(expect.stringContaining('snapshot save'))
  const file = join(daemons.dir, 'rescued.snapshot')
  expect(cli(['snapshot', 'save', file, '-e', daemons.url(0)])).toMatchObject({ code: 0 })
})
