/**
 * `npm run bench`: what one cluster of daemons on this machine does, beside what the machine and
 * Node allow. README.md says how to read it; --help lists the options.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Cluster, freeBasePort } from './cluster.mjs'
import { compare } from './compare.mjs'
import { feeds, growth } from './feeds.mjs'
import { echoLimits, refuseMemory, syncsPerSecond, withEcho } from './limits.mjs'
import { load } from './load.mjs'
import { loads, parseOptions, UsageError, usage } from './options.mjs'
import { printFigures } from './print.mjs'
import { exitOnSignals, removeAtExit, sleep } from './processes.mjs'
import { hotFunctions } from './profile.mjs'
import { summarise } from './report.mjs'
import { failover, fill, memory, soak, startUp } from './suites.mjs'

const idleMs = 2_000
const manyKeys = 100_000

const say = text => process.stderr.write(`${text}\n`)

async function main() {
  exitOnSignals()
  const options = parseOptions(process.argv.slice(2))
  if (options.help) return process.stdout.write(usage)
  const dir = mkdtempSync(join(resolve(options.dir ?? tmpdir()), 'viewstamp-bench-'))
  removeAtExit(dir)
  refuseMemory(dir)
  if (options.peers !== undefined) return compare({ ...options, dir, say })
  const figures = options.echo ? await measureEcho(options) : await measure(options, dir)
  if (options.json) process.stdout.write(`${JSON.stringify(figures, undefined, 2)}\n`)
  else printFigures(figures)
}

async function measure(options, dir) {
  say('raw limits of this machine …')
  const syncs = await syncsPerSecond(dir, options.quick ? 0.5 : 2)
  const limits = { syncs, echo: await echoLimits(options.quick ? 0.7 : options.secs) }
  const figures = { nodes: options.size, secs: options.secs, rounds: options.rounds, limits }
  const samples = []
  const start = { startMs: [], idleMiB: [], filledMiB: [], failoverMs: [] }
  for (let round = 0; round < options.rounds; round++) {
    const last = round === options.rounds - 1
    await onCluster(options, join(dir, `round-${round}`), start, async cluster => {
      samples.push(...(await sampleLoads(options, await endpoints(cluster, options), cluster.pids)))
      if (last) await finish(options, cluster, figures, start)
    })
  }
  const profile = options.profile && hotFunctions(options.profile)
  return { ...figures, ...start, loads: summarise(samples), samples, profile }
}

/** A fresh cluster for one round; how long it took to start, and what it weighs at rest. */
async function onCluster(options, dir, start, use) {
  const basePort = options.basePort ?? (await freeBasePort(options.size))
  const profile = options.profile && resolve(options.profile)
  const cluster = new Cluster({ dir, size: options.size, basePort, profile })
  try {
    const ms = await startUp(cluster)
    start.startMs.push(ms)
    say(`cluster of ${options.size}: first acknowledged write after ${Math.round(ms)} ms`)
    await cluster.settled()
    if (options.only.includes('memory')) {
      await sleep(idleMs)
      start.idleMiB.push(...memory(cluster))
    }
    await use(cluster)
    cluster.assertAlive('the run')
  } catch (error) {
    cluster.assertAlive('the run')
    throw error
  } finally {
    await cluster.stop()
  }
}

async function endpoints(cluster, options) {
  if (options.to === 'all') return cluster.endpoints
  const primary = await cluster.primary()
  if (primary < 0) throw new Error(cluster.complaint('had no primary'))
  return [cluster.endpoints[primary]]
}

async function sampleLoads(options, endpoints, pids) {
  const samples = []
  const chosen = Object.entries(loads).filter(([name]) => options.only.includes(name))
  // Reads find their keys, and the nodes have compiled their hot paths before anything counts.
  if (chosen.length > 0) {
    const warm = { path: 'http', op: 'batch', inFlight: 16, keys: 10_000, fill: true, warmSecs: 0 }
    await load({ ...warm, endpoints, secs: 60 })
  }
  for (const [name, { path, op, inFlight }] of chosen) {
    for (const level of options.inFlight(inFlight)) {
      say(`${name}, ${level} in flight`)
      const spec = { path, op, inFlight: level, endpoints, pids, secs: options.secs }
      samples.push(await load({ ...spec, warmSecs: options.quick ? 0.3 : 1 }))
    }
  }
  return samples
}

/** What is measured once, on the last cluster. */
async function finish(options, cluster, figures, start) {
  if (options.soakSecs > 0) {
    say(`full load for ${options.soakSecs} s`)
    figures.soak = await soak(cluster, options.soakSecs)
  }
  if (options.only.includes('memory')) {
    say(`${manyKeys} keys`)
    figures.fill = await fill(cluster, manyKeys)
    await sleep(idleMs)
    start.filledMiB.push(...memory(cluster))
  }
  if (options.only.includes('feeds')) {
    say('feeds: followers, bulk reads')
    figures.feeds = await feeds(cluster, { quick: options.quick })
  }
  if (options.growMiB > 0) {
    say(`a feed grows to ${options.growMiB} MiB`)
    figures.growth = await growth(cluster, options.growMiB)
  }
  if (options.only.includes('failover')) {
    const told = (i, ms) => say(`kill -9 of the primary, ${i + 1}: ${Math.round(ms)} ms`)
    start.failoverMs.push(...(await failover(cluster, options.kills, told)))
  }
}

/** The generator's own ceiling. */
function measureEcho(options) {
  return withEcho(async (endpoint, pid) => {
    const samples = []
    for (let round = 0; round < options.rounds; round++) {
      samples.push(...(await sampleLoads(options, [endpoint], [pid])))
    }
    return {
      echo: true,
      secs: options.secs,
      rounds: options.rounds,
      loads: summarise(samples),
      samples,
    }
  })
}

try {
  await main()
  // Idle connections of the control calls would keep the process for a few seconds more.
  process.exit(0)
} catch (error) {
  if (error instanceof UsageError) say(`${error.message}\n\n${usage}`)
  else say(error.stack)
  process.exit(error instanceof UsageError ? 2 : 1)
}
