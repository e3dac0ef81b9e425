/** Bytes flipped in the logs of two of three nodes, and the third dead: each has what the other lacks. Decision 0018 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { cli, Daemons, rpc, sleep } from './processes.ts'

let daemons: Daemons
afterEach(() => daemons?.destroy())

const KEYS = 60
/** Long: LevelDB skips what is left of 32 KiB behind a flipped bit. */
const textOf = (k: number): string => `value ${k} `.repeat(250)
const dataDir = (i: number): string => join(daemons.dir, `n${i + 1}`)

/** A bit of the value, where it lies in LevelDB's log. */
function flipIn(i: number, k: number): void {
  const db = join(dataDir(i), 'db')
  for (const name of readdirSync(db).filter(name => name.endsWith('.log'))) {
    const bytes = readFileSync(join(db, name))
    const at = bytes.indexOf(textOf(k).slice(0, 100))
    if (at < 0) continue
    bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at)
    writeFileSync(join(db, name), bytes)
    return
  }
  throw new Error(`n${i + 1} does not have the value of k${k}`)
}

async function assertAll(i: number): Promise<void> {
  for (let k = 0; k < KEYS; k++) {
    const { kv } = await rpc(daemons.url(i), 'kv.get', { key: `k${k}`, consistency: 'local' })
    expect(kv?.value).toBe(textOf(k))
  }
}

const statusOf = async (i: number): Promise<string> =>
  (await rpc(daemons.url(i), 'cluster.status')).shards[0].status

/** Three nodes with all keys in their logs, stopped without notice; 1 and 2 have another part damaged each. */
async function withTwoDamaged(): Promise<void> {
  daemons = await Daemons.init(3)
  await daemons.startAll()
  await daemons.untilWritable()
  for (let k = 0; k < KEYS; k++) {
    await rpc(daemons.url(0), 'kv.put', { key: `k${k}`, value: textOf(k) })
  }
  await daemons.agree()
  for (const i of [0, 1, 2]) await daemons.kill(i)
  flipIn(0, 10)
  flipIn(1, 45)
}

test('two damaged, one dead: they repair each other, take writes, and nothing is lost', async () => {
  await withTwoDamaged()
  await Promise.all([daemons.start(0), daemons.start(1)])
  await daemons.untilWritable()
  for (const i of [0, 1]) {
    expect(daemons.logOf(i)).toMatch(/n\d\/db is damaged at op \d+ to \d+; n\d votes for nothing/)
    expect(daemons.logOf(i)).toContain('are whole again')
    expect(readdirSync(dataDir(i))).not.toContain('lost-1')
  }
  await rpc(daemons.url(1), 'kv.put', { key: 'after', value: 1 })
  await daemons.start(2)
  await daemons.agree()
  for (const i of [0, 1, 2]) await assertAll(i)
  // Whole on disk, not in memory only.
  await daemons.kill(0)
  const { code, stdout } = cli(['inspect', dataDir(0), '--verify'])
  expect({ code, stdout }).toMatchObject({ code: 0 })
}, 120_000)

test('a damaged node alone waits, says so, and starts when it can be repaired', async () => {
  await withTwoDamaged()
  await daemons.start(0)
  while ((await statusOf(0)) !== 'repairing') await sleep(50)
  const { stdout } = cli(['inspect', dataDir(1)])
  expect(stdout).toMatch(/entries \d+ to \d+ of the log .* it fetches them from the others/)
  await daemons.start(2)
  await daemons.untilWritable()
  await daemons.start(1)
  await daemons.agree()
  for (const i of [0, 1, 2]) await assertAll(i)
}, 120_000)
