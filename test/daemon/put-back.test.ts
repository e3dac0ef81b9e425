/**
 * I38 on real processes: a data directory that is an earlier state of what the peers saw never takes part, in
 * whatever life of the daemon it was copied; and a copy beside its original leaves that one alone.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

async function assertAll(i: number, count: number): Promise<void> {
  for (let k = 0; k < count; k++) {
    const { kv } = await rpc(daemons.url(i), 'kv.get', { key: `k${k}` })
    expect(kv?.value).toBe(`v${k}`)
  }
}

/** Three nodes with 20 keys that all of them have. */
async function written(): Promise<void> {
  daemons = await Daemons.init()
  await daemons.startAll()
  await daemons.untilWritable()
  await put(0, 0, 20)
  await daemons.agree()
}

/** As `cp -a`, later put in the place of what is there. */
function copy(i: number, to: string): void {
  cpSync(dataDir(i), to, { recursive: true, preserveTimestamps: true })
}

function putBack(i: number, from: string): void {
  rmSync(dataDir(i), { recursive: true })
  cpSync(from, dataDir(i), { recursive: true })
}

/** Starts it, and gives what it said before it ended by itself. */
async function fenced(i: number): Promise<string> {
  const before = daemons.logOf(i).length
  await daemons.start(i).catch(() => undefined)
  for (let tries = 0; daemons.isUp(i) && tries < 400; tries++) await sleep(50)
  if (daemons.isUp(i)) throw new Error(`n${i + 1} takes part\n${daemons.logOf(i)}`)
  expect(await daemons.exited(i), daemons.logOf(i).slice(before)).toBe(9)
  return daemons.logOf(i).slice(before)
}

async function recovered(i: number, count: number): Promise<void> {
  cli(['recover', '--data-dir', dataDir(i)])
  await daemons.start(i)
  await daemons.untilWritable()
  await daemons.agree()
  await assertAll(i, count)
}

test('copied while it ran, put back in the next life: fenced by what the peers remember', async () => {
  await written()
  const primary = await daemons.primary()
  for (const victim of [primary, (primary + 1) % 3]) {
    const from = victim === primary ? 20 : 40
    const old = join(daemons.dir, `old-${victim}`)
    copy(victim, old)
    await put((victim + 1) % 3, from, 20)
    await daemons.agree()
    await daemons.kill(victim)
    // No start lies between the copy and this one: to its number alone nothing is wrong with it.
    putBack(victim, old)
    expect(await fenced(victim)).toMatch(/acknowledged op|had entered view/)
    expect(daemons.logOf(victim)).toContain('viewstamp recover')
    await put((victim + 1) % 3, from, 20)
    await recovered(victim, from + 20)
  }
}, 180_000)

test('all were stopped meanwhile, and all start again: what was promised is on the disks of the peers', async () => {
  await written()
  const old = join(daemons.dir, 'old')
  copy(1, old)
  await put(0, 20, 20)
  await daemons.agree()
  for (const i of [0, 1, 2]) await daemons.kill(i, 'SIGTERM')
  putBack(1, old)
  await Promise.all([daemons.start(0), daemons.start(2)])
  await daemons.untilWritable()
  expect(await fenced(1)).toMatch(/acknowledged op|had entered view|log is of view/)
  await assertAll(0, 40)
  await recovered(1, 40)
}, 120_000)

test('a copy started beside its original ends, and the original goes on', async () => {
  await written()
  const beside = dataDir(3)
  copy(1, beside)
  const config = readFileSync(join(beside, 'config.yaml'), 'utf8')
  const { basePort } = daemons
  const moved = config
    .replace(`p2p: { listen: [/ip4/127.0.0.1/tcp/${basePort + 10}] }`, listenAt(basePort + 30))
    .replace(`127.0.0.1:${basePort + 11}`, `127.0.0.1:${basePort + 31}`)
  expect(moved).not.toBe(config)
  writeFileSync(join(beside, 'config.yaml'), moved)
  const before = await rpc(daemons.url(1), 'cluster.status')
  writeFileSync(join(daemons.dir, 'n4.log'), '')
  const said = await fenced(3)
  expect(said).toMatch(/two daemons run as n2|comes with old data|remembers more of n2/)
  await put(1, 20, 20)
  await daemons.agree()
  await assertAll(1, 40)
  const after = await rpc(daemons.url(1), 'cluster.status')
  expect(after.shards[0].view).toBe(before.shards[0].view)
  expect(daemons.isUp(1)).toBe(true)
}, 120_000)

const listenAt = (port: number): string => `p2p: { listen: [/ip4/127.0.0.1/tcp/${port}] }`
