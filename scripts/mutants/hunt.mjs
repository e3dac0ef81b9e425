/**
 * Hunts one mutant, in a thread of its own: bundles the simulator with the bug put in and runs seeds until a
 * property says no. What only stops the code (an assertion, a crash) is noted, and the hunt goes on a while:
 * a property is the better catch.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort } from 'node:worker_threads'
import { loadSimulator } from '../bundle-sim.mjs'

const TRACES = 'test/traces'
/** So many seeds more than an assertion needed are tried for a property. */
const FOR_A_PROPERTY = 30

let sound

parentPort?.on('message', async job => {
  try {
    parentPort.postMessage({ type: 'done', caught: await hunt(job) })
  } catch (error) {
    parentPort.postMessage({ type: 'failed', error: error.stack ?? String(error) })
  }
})

/** `seeds`: in this order. Gives { seeds, seed, kind, by, message } or undefined. */
export async function hunt({ patches, from, seeds, traces }) {
  sound ??= await loadSimulator()
  const mutated = await loadSimulator(patches)
  return huntSeeds(mutated, from, seeds) ?? (traces ? playTraces(mutated) : undefined)
}

function huntSeeds({ simulate }, from, seeds) {
  let second
  for (let tried = 1; tried <= seeds; tried++) {
    if (second && tried > second.seeds + FOR_A_PROPERTY) return second
    const seed = from + tried - 1
    parentPort?.postMessage({ type: 'alive', seed })
    const { failure } = simulate(seed)
    if (failure === undefined) continue
    const how = { seeds: tried, seed, ...nameOf(failure) }
    if (how.kind === 'crash') continue
    if (how.kind === 'property' || how.kind === 'liveness') {
      soundPasses(seed)
      return how
    }
    second ??= how
  }
  if (second) soundPasses(second.seed)
  return second
}

function soundPasses(seed) {
  const { failure } = sound.simulate(seed)
  if (failure) throw new Error(`seed ${seed} fails without any mutant: ${failure.message}`)
}

/** kind: property, liveness · assertion: the code stopped itself · crash: it fell over, which is no catch. */
function nameOf({ kind, property, message }) {
  const [first = ''] = message.split('\n')
  if (kind !== 'invariant') return { kind, by: property, message: first }
  const isAssertion = property === 'assertion'
  return {
    kind: isAssertion ? 'assertion' : 'crash',
    by: first.replace(/^\w*Error: /, ''),
    message: first,
  }
}

/** What needs a rare meeting of messages is caught by the scene made for it. */
function playTraces({ play }) {
  for (const name of readdirSync(TRACES)) {
    if (!name.endsWith('.trace')) continue
    const scene = readFileSync(join(TRACES, name), 'utf8')
    if (play(scene) === sound.play(scene)) continue
    return { kind: 'trace', by: name.replace('.trace', '') }
  }
  return undefined
}
