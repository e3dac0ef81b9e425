/** Each kind of file and record, damaged or gone when the daemon starts: the table of docs/storage.md. */
import { readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dataDir } from './damage.ts'
import { Daemons, rpc, sleep } from './processes.ts'

let daemons: Daemons
let written = 0

beforeAll(async () => {
  daemons = await Daemons.init(3)
  for (const i of [0, 1, 2]) daemons.configure(i, 'storage: { checkpointEvery: 40 }')
  await daemons.startAll()
  await daemons.untilWritable()
  await write(200)
})
afterAll(() => daemons.destroy())

/** Puts say their changes themselves; of an increment they are kept. */
async function write(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await rpc(daemons.url(0), 'kv.put', { key: `k${written % 300}`, value: written++ })
    if (i % 5 === 0) await rpc(daemons.url(0), 'kv.incr', { key: 'n' })
  }
  await daemons.agree()
}

const path = (...parts: string[]): string => join(dataDir(daemons, 2), ...parts)

/** Values of the table with this letter (src/storage/keys.ts), of shard main: which of them are spoilt. */
async function spoilIn(letter: string, which: 'newest' | 'oldest' | 'all'): Promise<void> {
  const options = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const
  const db = new Level<Buffer, Buffer>(path('db'), options)
  const range = { gte: Buffer.from(`${letter}\0\0`), lt: Buffer.from(`${letter}\0\u0001`) }
  const keys = await db.keys({ ...range, reverse: which === 'newest' }).all()
  expect(keys.length).toBeGreaterThan(0)
  for (const key of which === 'all' ? keys : keys.slice(0, 1)) {
    const value = Buffer.from((await db.get(key)) ?? [])
    value[value.length - 1] = (value.at(-1) ?? 0) ^ 1
    await db.put(key, value, { sync: true })
  }
  await db.close()
}

const file = (ending: RegExp): string =>
  path('db', readdirSync(path('db')).find(name => ending.test(name)) ?? 'none')

const SET_ASIDE = /is damaged: .*the damaged data is in .*lost-1/s
const NOT_A_WORD = /^(?!.*(damaged|is missing))/s

const CASES: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['the newest entry', () => spoilIn('L', 'newest'), /is damaged at op \d+.*are whole again/s],
  ['the oldest entry, below the checkpoint', () => spoilIn('L', 'oldest'), NOT_A_WORD],
  ['the view record', () => spoilIn('V', 'newest'), SET_ASIDE],
  ['the checkpoint', () => spoilIn('C', 'newest'), SET_ASIDE],
  ['records of the checkpoint', () => spoilIn('S', 'all'), SET_ASIDE],
  ['a table gone', () => rmSync(file(/\.ldb$/)), SET_ASIDE],
  ['CURRENT gone', () => rmSync(path('db', 'CURRENT')), SET_ASIDE],
  ['CURRENT empty', () => truncateSync(path('db', 'CURRENT')), SET_ASIDE],
  ['MANIFEST cut short', () => truncateSync(file(/^MANIFEST/), 30), SET_ASIDE],
  ['the whole database gone', () => rmSync(path('db'), { recursive: true }), SET_ASIDE],
  ['peers damaged', () => truncateSync(path('peers'), 20), /peers is damaged \(.*noted anew/],
  ['peers gone', () => rmSync(path('peers')), /peers is missing: .*noted anew/],
  ['witness damaged', () => writeFileSync(path('witness'), 'no witness'), NOT_A_WORD],
  ['witness gone', () => rmSync(path('witness')), NOT_A_WORD],
  ['two copies of the superblock', () => halve(path('superblock')), NOT_A_WORD],
]

function halve(name: string): void {
  const bytes = readFileSync(name)
  writeFileSync(name, bytes.fill(0, 0, bytes.length / 2))
}

test.each(CASES)('%s', async (_name, harm, said) => {
  await write(10)
  await daemons.kill(2)
  await harm()
  const before = daemons.logOf(2).length
  const log = () => daemons.logOf(2).slice(before)
  await daemons.start(2)
  await daemons.agree()
  while (!said.test(log())) {
    if (said === NOT_A_WORD) throw new Error(log())
    await sleep(20)
  }
  expect(readdirSync(path()).includes('lost-1')).toBe(said === SET_ASIDE)
  rmSync(path('lost-1'), { recursive: true, force: true })
})

test.each([
  ['superblock', /superblock is missing.*viewstamp recover/, 9],
  ['identity.key', /and not its identity\.key.*Put the key back/, 9],
])('%s gone: refused, and as it was once it is back', async (name, said, code) => {
  await daemons.kill(2)
  renameSync(path(name), path('..', name))
  await expect(daemons.start(2)).rejects.toThrow(said)
  expect(await daemons.exited(2)).toBe(code)
  expect(readdirSync(path())).not.toContain(name)
  renameSync(path('..', name), path(name))
  await daemons.start(2)
  await daemons.agree()
})

test('kept changes: no start reads them; who does is sent to another node, and all is fetched', async () => {
  await write(10)
  await daemons.kill(2)
  await spoilIn('D', 'all')
  const before = daemons.logOf(2).length
  await daemons.start(2)
  await daemons.agree()
  const read = rpc(daemons.url(2), 'log.read', { from: 1, limit: 1000, as: 'changes' })
  await expect(read).rejects.toMatchObject({ data: { name: 'READ_ONLY', reason: 'CORRUPT' } })
  while (!/goes on with its data opened again/.test(daemons.logOf(2).slice(before))) await sleep(20)
  await daemons.agree()
  expect(daemons.logOf(2).slice(before)).toMatch(SET_ASIDE)
  rmSync(path('lost-1'), { recursive: true })
})
