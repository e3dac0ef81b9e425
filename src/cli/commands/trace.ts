/** trace: everything of one correlation, as a tree of causes, or as a diagram. */
import { isObject, type JsonObject } from '../../base/json.ts'
import { objects } from '../cluster-nodes.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { mermaidOf, treeOf } from '../trace-view.ts'

export const trace: Run = async (context, [correlationId = ''], given) => {
  const limit = given.integer('limit', 1)
  const consistency = given.choice('consistency', ['linearizable', 'session', 'local'])
  const params = { correlationId, ...(limit !== undefined && { limit }), meta: { consistency } }
  const answer = await context.client().call('trace.get', params)
  const events = objects(answer['events'])
  const edges = objects(answer['edges'])
  if (events.length > 0 || context.output.wantsJson) {
    context.output.print({
      whole: answer,
      items: events,
      people: () => treeOf(events, edges),
      mermaid: () => mermaidOf(events, edges),
    })
  }
  tellLimits(context, answer)
  return events.length === 0 ? EXIT.notFound : EXIT.ok
}

/** What may be missing. */
function tellLimits(context: Context, answer: JsonObject): void {
  const { correlationId, events, since, missing, more } = answer
  const later = Object.entries(isObject(since) ? since : {}).filter(([, op]) => Number(op) > 1)
  const known = later.map(([shard, op]) => `${shard} from op ${op} on`).join(', ')
  const isNone = objects(events).length === 0
  if (isNone) context.note(`nothing is known of ${JSON.stringify(correlationId)}`)
  if (known !== '') context.note(`the log is kept of ${known}: earlier commands are not shown`)
  if (Array.isArray(missing) && missing.length > 0) {
    context.note(`${missing.join(', ')} did not answer, and may know of earlier ones`)
  }
  if (more === true) context.note('there are more: see --limit')
}
