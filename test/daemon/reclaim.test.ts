/** What retention removes is room on the disk of a daemon again. */
import { randomBytes } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Daemons, rpc } from './processes.ts'

const MIB = 2 ** 20
const FEED = 'disk'

let daemons: Daemons

afterEach(() => daemons.destroy())

function mibOnDisk(): number {
  const dir = join(daemons.dir, 'n1', 'db')
  const sizes = readdirSync(dir).map(
    // LevelDB deletes files meanwhile.
    name => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0,
  )
  return sizes.reduce((sum, size) => sum + size, 0) / MIB
}

test('the directory of a feed that retention cut is small again: the log, and what the feed held', async () => {
  daemons = await Daemons.init(1)
  daemons.configure(0, 'storage: { checkpointEvery: 100, keepLog: { ops: 100 } }')
  await daemons.startAll()
  const url = daemons.url(0)
  await rpc(url, 'feed.create', { feed: FEED })
  for (let i = 0; i < 60; i++) {
    const records = Array.from({ length: 100 }, () => {
      return { feed: FEED, value: randomBytes(6000).toString('base64') }
    })
    await rpc(url, 'feed.publishBatch', { records })
  }
  const before = mibOnDisk()
  expect(before).toBeGreaterThan(48)
  await rpc(url, 'feed.update', { feed: FEED, retention: { records: 100 } })
  // Checkpoints come with operations, and what is deleted goes with commits.
  let after = before
  for (const start = Date.now(); after > before / 5 && Date.now() - start < 90_000; ) {
    for (let i = 0; i < 50; i++) await rpc(url, 'kv.put', { key: 'turn', value: i })
    after = mibOnDisk()
  }
  expect(after).toBeLessThanOrEqual(before / 5)
  const read = async () => (await fetch(`${url}/feeds/${FEED}.ndjson`)).text()
  const text = await read()
  expect(text.trimEnd().split('\n')).toHaveLength(100)
  await daemons.kill(0, 'SIGTERM')
  await daemons.start(0)
  expect(await read()).toBe(text)
}, 120_000)
