/** The members as they answer now: who is there, whose clock is off, who runs another release. */
import type { JsonObject } from '../../base/json.ts'
import { objects } from '../cluster-nodes.ts'
import type { Context } from '../context.ts'
import type { Finding } from './finding.ts'
import { fail, ok, warn } from './finding.ts'

export interface Place {
  readonly name: string
  readonly endpoint: string
}

/** Log time is the primary's: with another primary it stands still, or keys expire early, by this much. */
const OFFSET_MAX_MS = 500
const PINGS = 5
const ASK_MS = 2_000

export interface Answer {
  readonly place: Place
  /** Undefined: it did not answer. */
  readonly version: string | undefined
  readonly founding?: string
  /** Of its clock against ours, and how far that may be wrong. */
  readonly offsetMs?: number
  readonly roundTripMs?: number
  readonly alarms?: readonly string[]
  readonly health?: JsonObject
}

export async function checkCluster(
  context: Context,
  places: readonly Place[],
): Promise<readonly Finding[]> {
  return judge(await Promise.all(places.map(place => askOne(context, place))))
}

async function askOne(context: Context, place: Place): Promise<Answer> {
  const client = context.client([place.endpoint])
  const ask = (method: string): Promise<JsonObject> =>
    client.call(method, {}, { timeoutMs: ASK_MS })
  try {
    const { version } = await ask('system.version')
    let best: { offsetMs: number; roundTripMs: number } | undefined
    for (let i = 0; i < PINGS; i++) {
      const sent = Date.now()
      const start = performance.now()
      const { nowMs } = await ask('system.ping')
      const roundTripMs = performance.now() - start
      // Half of the way there, half of it back: the quickest is the least wrong.
      if (typeof nowMs !== 'number' || (best && best.roundTripMs <= roundTripMs)) continue
      best = { offsetMs: nowMs - (sent + roundTripMs / 2), roundTripMs }
    }
    const { foundingId } = await ask('cluster.members')
    const { alarms } = await ask('cluster.status')
    const health = await ask('cluster.health')
    return {
      place,
      version: String(version),
      founding: String(foundingId),
      ...best,
      alarms: Array.isArray(alarms) ? alarms.map(String) : [],
      health,
    }
  } catch (error) {
    context.detail(`${place.endpoint}: ${error instanceof Error ? error.message : error}`)
    return { place, version: undefined }
  }
}

export function judge(answers: readonly Answer[]): readonly Finding[] {
  const up = answers.filter(({ version }) => version !== undefined)
  const findings = answers.map(presence)
  if (up.length === 0) return findings
  findings.push(...up.flatMap(alarmsOf), quorum(up), clocks(up), versions(up))
  const foundings = new Set(up.map(({ founding }) => founding))
  if (foundings.size > 1) {
    const next = 'one of the addresses belongs to another cluster: correct cluster.members'
    findings.push(fail('cluster', 'the nodes are of different clusters', next))
  }
  return findings
}

function presence({ place, version, roundTripMs = 0 }: Answer): Finding {
  const { name, endpoint } = place
  if (version !== undefined) {
    return ok(name, `answers at ${endpoint} within ${roundTripMs.toFixed(1)} ms`)
  }
  return warn(name, `does not answer at ${endpoint}`, `start ${name}, or look at its log`)
}

function alarmsOf({ place, alarms = [] }: Answer): readonly Finding[] {
  return alarms.map(alarm => fail(place.name, alarm, 'see docs/operations.md'))
}

function quorum(up: readonly Answer[]): Finding {
  const sound = up.find(({ health }) => health?.['quorum'] === true)
  const seen = (sound ?? up[0])?.health ?? {}
  const of = objects(seen['nodes'])
  const detail = `${of.filter(node => node['up'] === true).length} of ${of.length} nodes are up`
  if (sound === undefined) return fail('quorum', detail, 'start nodes until more than half are up')
  const spare = Number(seen['faultsTolerated'])
  if (spare > 0) return ok('quorum', `${detail}; ${spare} more may fail`)
  return warn('quorum', `${detail}; one more failure stops all writes`, 'start the others')
}

function clocks(up: readonly Answer[]): Finding {
  const offsets = up.flatMap(({ place, offsetMs }) => {
    return offsetMs === undefined ? [] : [{ name: place.name, offsetMs }]
  })
  const values = offsets.map(each => each.offsetMs)
  const spread = values.length === 0 ? 0 : Math.max(...values) - Math.min(...values)
  const each = offsets.map(({ name, offsetMs }) => `${name} ${sign(offsetMs)} ms`).join(', ')
  if (spread <= OFFSET_MAX_MS) return ok('clocks', `${each} against this machine`)
  const next = 'let NTP set them: keys with a time to live expire by what most of these clocks say'
  return warn('clocks', `${Math.round(spread)} ms apart: ${each} against this machine`, next)
}

const sign = (ms: number): string => (ms < 0 ? '' : '+') + Math.round(ms)

function versions(up: readonly Answer[]): Finding {
  const known = [...new Set(up.map(({ version }) => version))]
  if (known.length === 1) return ok('release', `${known[0]} everywhere`)
  const each = up.map(({ place, version }) => `${place.name} ${version}`).join(', ')
  return warn('release', each, 'finish the upgrade: bring all nodes to one release')
}
