/** watch --cluster: view changes and membership as they happen, told by every node that answers. */
import type { JsonObject } from '../../base/json.ts'
import { discover, type KnownNode } from '../cluster-nodes.ts'
import { ClusterStory, type Told } from '../cluster-story.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { clock } from './status.ts'

export async function watchCluster(context: Context): Promise<number> {
  const nodes = await discover(context)
  const names = nodes.map(node => node.name ?? node.endpoint).join(', ')
  context.note(`watching ${names}; Ctrl-C ends`)
  const story = new ClusterStory(context.terminal)
  const width = Math.max(...nodes.map(node => (node.name ?? '').length), 2)
  await Promise.all(
    nodes.map(node => watchNode(context, node, told => show(context, told, width), story)),
  )
  return EXIT.ok
}

async function watchNode(
  context: Context,
  node: KnownNode,
  tell: (told: Told) => void,
  story: ClusterStory,
): Promise<void> {
  const events = context.client([node.endpoint]).subscribe('cluster.watch', {}, { patient: true })
  const name = node.name ?? node.endpoint
  for await (const each of events) {
    const told = each.type === 'event' ? story.event(eventOf(each.event)) : story.line(name, each)
    if (told !== undefined) tell(told)
  }
}

/** The event itself: the members of `result`, or those beside it. */
function eventOf(params: JsonObject): JsonObject {
  const { result, ...rest } = params
  const inner =
    typeof result === 'object' && result !== null && !Array.isArray(result) ? result : {}
  return { ...rest, ...(inner as JsonObject) }
}

function show(context: Context, told: Told, width: number): void {
  const { terminal } = context
  context.output.event({
    whole: told.event,
    people: () => {
      const time = terminal.style(clock(told.timeMs), 'dim')
      return `${time}  ${terminal.node(told.node, told.node.padEnd(width))}  ${told.sentence}`
    },
  })
}
