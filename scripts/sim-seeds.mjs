/** Many seeds, one after the other: in this process, or in one of several that share them (sim.mjs --jobs). */

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { loadSimulator, loadWithStorage } from './bundle-sim.mjs'

/** One run; with the real storage code under it where its seed is one of those. */
export async function simulateWith(simulator, storageEvery, seed, run) {
  const isStored = storageEvery > 0 && seed % storageEvery === 0
  return isStored ? simulator.simulateWithStorage(seed, run) : simulator.simulate(seed, run)
}

/** The seed at this place of all: of the first range, of the one behind it … */
export function seedAt(ranges, place) {
  let left = place
  for (const { from, count } of ranges) {
    if (left < count) return from + left
    left -= count
  }
  throw new RangeError(`there are fewer seeds than ${place}`)
}

/**
 * The seeds of `ranges`, every `step`-th from `place` on, until all are done, time is over, or one fails. Gives what
 * was tried, and the seed that failed.
 */
export async function runSeeds(simulator, plan) {
  const { ranges, step, untilMs, run, twice, storageEvery = 0 } = plan
  const count = ranges.reduce((sum, range) => sum + range.count, 0)
  const total = simulator.emptyCoverage()
  const storage = simulator.emptyStorageTally?.()
  const result = { seeds: 0, virtualMs: 0, total, storage, stuck: [] }
  for (let { place } = plan; place < count && Date.now() < untilMs; place += step) {
    const seed = seedAt(ranges, place)
    const outcome = await simulateWith(simulator, storageEvery, seed, run)
    if (outcome.failure) return { ...result, failed: seed }
    if (twice && simulator.simulate(seed, run).digest !== outcome.digest) {
      return { ...result, differs: seed }
    }
    if (outcome.stuck) result.stuck.push(`seed ${seed}: ${outcome.stuck}`)
    simulator.addCoverage(total, outcome.coverage)
    if (outcome.storage) simulator.addStorageTally(storage, outcome.storage)
    result.virtualMs += outcome.virtualMs
    result.seeds++
  }
  return result
}

/** The same by several processes; the first that fails ends the others. */
export async function runSeedsIn(jobs, simulator, plan) {
  const all = { seeds: 0, virtualMs: 0, total: simulator.emptyCoverage(), stuck: [] }
  if (plan.storageEvery > 0) all.storage = simulator.emptyStorageTally()
  const children = []
  const results = Array.from({ length: jobs }, (_, i) => {
    const child = fork(fileURLToPath(import.meta.url))
    children.push(child)
    child.send({ ...plan, place: i, step: jobs })
    return new Promise((resolve, reject) => {
      child.once('message', resolve)
      child.once('error', reject)
      child.once('exit', code => code === 0 || reject(new Error(`a worker exits with ${code}`)))
    })
  })
  const failing = results.map(result =>
    result.then(one => (one.failed ?? one.differs) !== undefined && one),
  )
  const failed = await firstOf(failing)
  if (failed) {
    await Promise.allSettled(results.map((result, i) => stop(children[i], result)))
    return { ...all, failed: failed.failed, differs: failed.differs }
  }
  for (const one of await Promise.all(results)) {
    all.seeds += one.seeds
    all.virtualMs += one.virtualMs
    all.stuck.push(...one.stuck)
    if (all.storage) simulator.addStorageTally(all.storage, one.storage)
    simulator.mergeCoverage(all.total, { ...one.total, kinds: new Map(one.total.kinds) })
  }
  return all
}

/** The first that is not false, or undefined when all are. */
function firstOf(promises) {
  return new Promise((resolve, reject) => {
    for (const promise of promises) promise.then(value => value && resolve(value), reject)
    Promise.all(promises).then(() => resolve(undefined), reject)
  })
}

function stop(child, result) {
  child.kill()
  return result
}

if (process.send) {
  process.once('message', async plan => {
    const load = plan.storageEvery > 0 ? loadWithStorage : loadSimulator
    const result = await runSeeds(await load(), plan)
    const total = { ...result.total, kinds: [...result.total.kinds] }
    process.send({ ...result, total }, () => process.disconnect())
  })
}
