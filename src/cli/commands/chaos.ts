/** chaos …: faults put into running nodes. Each is put in by the node itself, so each is called. */
import type { JsonObject } from '../../base/json.ts'
import { parseDuration } from '../../daemon/units.ts'
import { callAll, group, targets } from '../chaos-targets.ts'
import { ended, healed, inForce, report, resumed } from '../chaos-view.ts'
import { discover } from '../cluster-nodes.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import type { Given } from '../given.ts'
import { UsageError } from '../usage-error.ts'

export const partition: Run = async (context, [near = '', far], given) => {
  const nodes = await discover(context)
  const from = await group(context, nodes, near)
  const rest = nodes.filter(node => !from.includes(node))
  const to = far === undefined ? rest : await group(context, nodes, far)
  if (to.length === 0) throw new UsageError('there is nobody on the other side')
  const names = (side: typeof from): string[] => side.flatMap(node => node.name ?? [])
  const params = { from: names(from), to: names(to), ...ways(given), ...ending(given) }
  // At both ends, so that each knows of it; one is enough for the frames to be lost.
  return report(
    context,
    await callAll(context, [...from, ...to], 'chaos.partition', params),
    inForce,
  )
}

export const drop: Run = async (context, [share = ''], given) => {
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(share)?.[1]
  const rate = percent === undefined ? Number(share) : Number(percent) / 100
  if (share === '' || !(rate > 0 && rate <= 1)) {
    throw new UsageError(`the share of frames to lose must be like 0.1 or 10%, not '${share}'`)
  }
  return inject(context, given, 'chaos.drop', { rate, ...peers(given), ...ways(given) })
}

export const delay: Run = async (context, [time], given) => {
  const jitterMs = given.duration('jitter')
  const jitter = jitterMs === undefined ? {} : { jitterMs }
  const params = { ms: duration(time), ...jitter, ...peers(given), ...ways(given) }
  return inject(context, given, 'chaos.delay', params)
}

export const slowDisk: Run = async (context, [time], given) =>
  inject(context, given, 'chaos.slowDisk', { ms: duration(time) })

export const pause: Run = async (context, [named], given) =>
  inject(context, given, 'chaos.pause', {}, named)

export const heal: Run = async (context, [named], given) => {
  const nodes = await targets(context, given, named, 'all')
  return report(context, await callAll(context, nodes, 'chaos.heal'), healed, isAny(given, named))
}

export const resume: Run = async (context, [named], given) => {
  const nodes = await targets(context, given, named, 'all')
  return report(
    context,
    await callAll(context, nodes, 'chaos.resume'),
    resumed,
    isAny(given, named),
  )
}

export const status: Run = async (context, [named], given) => {
  const nodes = await targets(context, given, named, 'all')
  return report(
    context,
    await callAll(context, nodes, 'chaos.status'),
    inForce,
    isAny(given, named),
  )
}

export const kill: Run = async (context, [named], given) =>
  report(
    context,
    await callAll(context, await targets(context, given, named, 'called'), 'chaos.kill'),
    ended,
  )

export const restart: Run = async (context, [named], given) =>
  report(
    context,
    await callAll(context, await targets(context, given, named, 'called'), 'chaos.restart'),
    ended,
  )

async function inject(
  context: Context,
  given: Given,
  method: string,
  params: JsonObject,
  named?: string,
): Promise<number> {
  const nodes = await targets(context, given, named, 'called')
  return report(
    context,
    await callAll(context, nodes, method, { ...params, ...ending(given) }),
    inForce,
  )
}

/** Nobody was named: that some do not answer is told, and no failure. */
function isAny(given: Given, named: string | undefined): 'some' | 'every' {
  return named === undefined && given.list('node').length === 0 ? 'some' : 'every'
}

function ending(given: Given): JsonObject {
  const forMs = given.duration('for')
  return forMs === undefined ? {} : { forMs }
}

function ways(given: Given): JsonObject {
  const shard = given.text('shard')
  const direction = given.choice('direction', ['both', 'in', 'out'])
  return { ...(direction !== undefined && { direction }), ...(shard !== undefined && { shard }) }
}

function peers(given: Given): JsonObject {
  const peer = given.list('peer').flatMap(text => text.split(','))
  return peer.length === 0 ? {} : { peer }
}

function duration(text = ''): number {
  const ms = parseDuration(text)
  if (ms !== undefined) return ms
  throw new UsageError(`the time must be a duration such as 250ms or 5s, not '${text}'`)
}
