/**
 * Hunts one mutant, in a thread of its own: bundles the simulator with the bug put in and runs seeds until a
 * property says no. What only stops the code (an assertion, a crash) is noted, and the hunt goes on a while:
 * a property is the better catch.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort } from 'node:worker_threads'
import { loadSimulator, loadWithStorage } from '../bundle-sim.mjs'

const TRACES = 'test/traces'
/** So many seeds are tried for a property where an assertion was found. */
const FOR_A_PROPERTY = 30

let sound
let soundStorage

parentPort?.on('message', async job => {
  try {
    parentPort.postMessage({ type: 'done', caught: await hunt(job) })
  } catch (error) {
    parentPort.postMessage({ type: 'failed', error: error.stack ?? String(error) })
  }
})

/** Gives { kind, by, seeds, seed, stopped } or undefined; `stopped`: the assertion that ends it before a property can. */
export async function hunt({ patches, from, seeds, trace, storage }) {
  if (storage) return huntStorage(patches, from, seeds)
  sound ??= await loadSimulator()
  const mutated = await loadSimulator(patches)
  if (trace !== undefined) return playTraces(mutated, [trace])
  const caught = huntSeeds(mutated, from, seeds)
  if (caught === undefined) return seeds > 1 ? playTraces(mutated, readdirSync(TRACES)) : undefined
  if (caught.kind !== 'assertion' || seeds === 1) return caught
  // Would anybody outside of the core have seen it?
  const seen = huntSeeds(await loadSimulator([...patches, UNASSERTED]), from, FOR_A_PROPERTY)
  const isSeen = seen !== undefined && seen.kind !== 'assertion'
  return isSeen ? { ...caught, kind: seen.kind, by: seen.by, stopped: caught.by } : caught
}

/** What the storage code says of itself is a catch as well: it refuses to go on, as it would on a real disk. */
async function huntStorage(patches, from, seeds) {
  const { simulateWithStorage } = await loadWithStorage(patches)
  for (let tried = 1; tried <= seeds; tried++) {
    const seed = from + tried - 1
    parentPort?.postMessage({ type: 'alive', seed })
    const { failure } = await simulateWithStorage(seed)
    if (failure === undefined) continue
    soundStorage ??= await loadWithStorage()
    const { failure: own } = await soundStorage.simulateWithStorage(seed)
    if (own) throw new Error(`seed ${seed} fails without any mutant: ${own.message}`)
    return { seeds: tried, seed, ...nameOf(failure) }
  }
  return undefined
}

/** The replica does not look at itself after each step. */
const UNASSERTED = {
  file: 'vr/invariants.ts',
  find: 'export function assertInvariants(replica: Replica): void {',
  replace: 'export function assertInvariants(replica: Replica): void { if (replica) return',
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
    by: first.replace(/^\w*Error: (does not hold: )?/, ''),
    message: first,
  }
}

/** What needs a rare meeting of messages is caught by the scene made for it: by a property there, or another course. */
function playTraces({ play }, names) {
  for (const name of names) {
    const path = join(TRACES, `${name.replace('.trace', '')}.trace`)
    if (!existsSync(path)) continue
    const scene = readFileSync(path, 'utf8')
    const [came, expected] = [play(scene), sound.play(scene)]
    if (came === expected) continue
    const said = /^error: ([a-z-]+): /m.exec(came)
    return { kind: 'trace', by: name.replace('.trace', ''), said: said?.[1] }
  }
  return undefined
}
