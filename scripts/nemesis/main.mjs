#!/usr/bin/env node
/**
 * Faults that need the operating system, against real daemons: `npm run nemesis`. Runs in namespaces of
 * its own where it may, so that whatever it mounts and links is gone with it.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { damage, oldData } from './runs/damage.mjs'
import { feeds } from './runs/feeds.mjs'
import { diskFull, diskReserve } from './runs/full.mjs'
import { partitions } from './runs/partitions.mjs'
import { powerCuts, unsynced } from './runs/power.mjs'
import { proxy } from './runs/proxy.mjs'
import { slowDisk } from './runs/slow-disk.mjs'
import { canUnshare, INSIDE, missing, run } from './system.mjs'

const RUNS = [
  partitions,
  proxy,
  powerCuts,
  unsynced,
  diskFull,
  diskReserve,
  slowDisk,
  damage,
  oldData,
  feeds,
]

const USAGE = `npm run nemesis -- [RUN…] [--cuts 10] [--rounds 5] [--seconds 60] [--seed N] [--list]
${RUNS.map(({ name, about }) => `  ${name.padEnd(20)} ${about}`).join('\n')}`

function options() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      cuts: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Date.now() % 1e9) },
      list: { type: 'boolean', default: false },
    },
  })
  const unknown = positionals.find(name => !RUNS.some(each => each.name === name))
  if (values.list || unknown !== undefined) {
    console.log(unknown === undefined ? USAGE : `there is no run ${unknown}\n${USAGE}`)
    process.exit(unknown === undefined ? 0 : 2)
  }
  const chosen = RUNS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  return {
    chosen,
    cuts: count(values.cuts),
    rounds: count(values.rounds),
    seconds: count(values.seconds),
    seed: count(values.seed),
  }
}

function count(text) {
  const n = Number(text)
  if (Number.isSafeInteger(n) && n > 0) return n
  console.error(`${text} is no whole number from 1`)
  process.exit(2)
}

/** mulberry32: the moments of the faults come from the seed; what the daemons do meanwhile does not. */
function generator(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

async function main() {
  const { chosen, seed, ...sizes } = options()
  if (process.env[INSIDE] === undefined && canUnshare()) {
    const own = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
    const env = { ...process.env, [INSIDE]: '1' }
    const { status } = spawnSync('unshare', ['-m', '-n', ...own], { stdio: 'inherit', env })
    process.exit(status ?? 1)
  }
  if (process.env[INSIDE]) run('ip', 'link', 'set', 'lo', 'up')
  console.log(`seed ${seed}`)
  let [passed, failed] = [0, 0]
  for (const each of chosen) {
    const why = missing(each.needs)
    if (why !== undefined) {
      console.log(`skip  ${each.name}: ${why}`)
      continue
    }
    const before = performance.now()
    try {
      const figures = await each.run({ ...sizes, random: generator(seed) })
      passed++
      tell('ok', each.name, before, figures)
    } catch (error) {
      failed++
      tell('FAIL', each.name, before, { why: error.message })
      if (!(error instanceof Error) || process.env.NEMESIS_STACKS) console.error(error)
    }
  }
  console.log(`${passed} passed, ${failed} failed`)
  process.exit(failed === 0 ? 0 : 1)
}

function tell(word, name, before, figures) {
  const seconds = ((performance.now() - before) / 1000).toFixed(0)
  const shown = Object.entries(figures).map(([title, value]) => `${title} ${value}`)
  console.log(`${word.padEnd(5)} ${name} (${seconds} s): ${shown.join(', ')}`)
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130))
await main()
