/** Damage in the files of a daemon, also of one that runs: in place, for LevelDB has its tables in memory. */
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemons, rpc } from './processes.ts'

export const dataDir = (daemons: Daemons, i: number): string => join(daemons.dir, daemons.nameOf(i))

/** Not to be made smaller: it stands in a table as it is. 3 000 characters, another for each key. */
export function textOf(k: number): string {
  let state = k + 1
  let text = ''
  while (text.length < 3000) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    text += state.toString(36)
  }
  return text.slice(0, 3000)
}

/** Keys `k0` … with those values, one entry each; what is not among the last hundreds of KB is on disk only. */
export async function fill(daemons: Daemons, count: number): Promise<void> {
  for (let k = 0; k < count; k++) {
    await rpc(daemons.url(0), 'kv.put', { key: `k${k}`, value: textOf(k) })
  }
  await daemons.agree()
}

/** LevelDB moves its log into tables when it is opened again; the scrubber begins behind `delay`. */
export async function inTables(daemons: Daemons, i: number, every: string): Promise<void> {
  await daemons.kill(i, 'SIGTERM')
  daemons.configure(i, `storage: { scrub: { every: ${every}, rate: 1GiB } }`)
  await daemons.start(i)
  await daemons.untilServed(i)
}

/** One bit of the value of `k`, or 8 KiB around it. */
export function spoil(daemons: Daemons, i: number, k: number, how: 'bit' | 'blocks'): void {
  const db = join(dataDir(daemons, i), 'db')
  for (const name of readdirSync(db).filter(name => name.endsWith('.ldb'))) {
    const path = join(db, name)
    const bytes = readFileSync(path)
    const at = bytes.indexOf(textOf(k).slice(0, 60))
    if (at < 0) continue
    const fd = openSync(path, 'r+')
    if (how === 'bit') writeSync(fd, Uint8Array.of((bytes[at + 30] ?? 0) ^ 4), 0, 1, at + 30)
    else writeSync(fd, new Uint8Array(8192).fill(0xff), 0, 8192, Math.max(0, at - 2048))
    closeSync(fd)
    return
  }
  throw new Error(`no table of n${i + 1} has the value of k${k}`)
}

export async function assertAll(
  assertValue: (value: unknown, expected: string) => void,
  daemons: Daemons,
  i: number,
  count: number,
): Promise<void> {
  for (let k = 0; k < count; k++) {
    const { kv } = await rpc(daemons.url(i), 'kv.get', { key: `k${k}`, consistency: 'local' })
    assertValue(kv?.value, textOf(k))
  }
}
