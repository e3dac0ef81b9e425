/**
 * Faults beside the load, through chaos.* of the nodes themselves (docs/rpc.md). Each ends by itself, in
 * case that nobody is left to end it, and all are healed at the end.
 */
import type { JsonObject } from '../../base/json.ts'
import { Prng } from '../../base/prng.ts'
import { ViewstampError } from '../../client/error.ts'
import { pause } from '../../client/pause.ts'
import type { Context } from '../context.ts'
import { CALM_MS } from './report.ts'
import type { CheckedNode, World } from './world.ts'

/** Before each fault; before the first one it is measured what the check is held to. */
const QUIET_MS = CALM_MS
const FAULT_MS = [1_000, 4_000] as const
const ROUND_MS = 200

interface Fault {
  readonly method: string
  readonly params: (ms: number) => JsonObject
  /** On all nodes, not one. */
  readonly everywhere?: boolean
}

const FAULTS: readonly Fault[] = [
  { method: 'chaos.partition', params: forMs => ({ forMs }) },
  { method: 'chaos.pause', params: ms => ({ ms }) },
  { method: 'chaos.drop', params: forMs => ({ rate: 0.1, forMs }), everywhere: true },
  { method: 'chaos.delay', params: forMs => ({ ms: 30, jitterMs: 20, forMs }), everywhere: true },
]
const RESTART: Fault = { method: 'chaos.restart', params: () => ({}) }

/** Throws if a node does not allow it, before anything is asked. */
export async function chaosFaults(
  context: Context,
  world: World,
  options: { readonly seed: number; readonly kill: boolean },
): Promise<(signal: AbortSignal) => Promise<void>> {
  for (const node of world.nodes) await refuseUnlessAllowed(world, node)
  const prng = new Prng(options.seed).fork('chaos')
  const faults = options.kill ? [...FAULTS, RESTART] : [...FAULTS]
  return async signal => {
    for (let i = 0; !signal.aborted; i++) {
      const fault = faults[i % faults.length] as Fault
      const ms = prng.int(...FAULT_MS)
      if (!(await quietFor(QUIET_MS, signal))) break
      const hit = fault.everywhere ? world.nodes : [await victim(world, prng)]
      context.detail(`${fault.method} at ${hit.map(({ name }) => name).join(', ')} for ${ms} ms`)
      const answers = await Promise.all(hit.map(node => ask(world, node, fault, ms)))
      const gone = answers.find(answer => answer?.['comesBack'] === false)
      if (gone !== undefined) {
        faults.splice(faults.indexOf(RESTART), 1)
        world.notes.push(`a killed node stays away until it is started: ${String(gone['run'])}`)
      }
      await quietFor(ms, signal)
    }
    const heal: Fault = { method: 'chaos.heal', params: () => ({}) }
    await Promise.all(world.nodes.map(node => ask(world, node, heal, 0)))
  }
}

async function refuseUnlessAllowed(world: World, node: CheckedNode): Promise<void> {
  try {
    await world.call(node, 'chaos.status', {})
  } catch (error) {
    if (!(error instanceof ViewstampError)) throw error
    const isOff = error.name === 'CHAOS_DISABLED' || error.name === 'METHOD_NOT_FOUND'
    if (!isOff) throw error
    const { code, outcome, retryable, data } = error
    const sentence = `${node.name} allows no fault injection: start it with --chaos (chaos: true in config.yaml), or leave out --chaos`
    throw new ViewstampError(sentence, { name: 'CHAOS_DISABLED', code, outcome, retryable, data })
  }
}

/** The primary every other time: there the most depends on it. */
async function victim(world: World, prng: Prng): Promise<CheckedNode> {
  const any = world.anyNode(prng)
  if (prng.chance(0.5)) return any
  const status = await world.call(any, 'system.ping', {}).catch(() => undefined)
  const header = status?.['header'] as JsonObject | undefined
  return world.nodes.find(({ name }) => name === header?.['primary']) ?? any
}

/** A node that cannot be asked is in trouble already. */
async function ask(
  world: World,
  node: CheckedNode,
  { method, params }: Fault,
  ms: number,
): Promise<JsonObject | undefined> {
  try {
    const answer = await world.call(node, method, params(ms))
    world.faults.set(method, (world.faults.get(method) ?? 0) + 1)
    return answer
  } catch (error) {
    if (!(error instanceof ViewstampError)) throw error
    world.countError(`${method}: ${error.name}`, error.outcome)
    return undefined
  }
}

/** False: the signal came first. */
async function quietFor(ms: number, signal: AbortSignal): Promise<boolean> {
  for (let left = ms; left > 0 && !signal.aborted; left -= ROUND_MS) await pause(ROUND_MS)
  return !signal.aborted
}
