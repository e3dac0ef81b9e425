/** A trace for people: a tree of causes with times and nodes, or the text of a Mermaid diagram. */
import type { JsonObject } from '../base/json.ts'
import { objects } from './cluster-nodes.ts'
import { clock } from './commands/status.ts'
import { printable, showValue } from './value.ts'

type Events = readonly JsonObject[]

/** What has several causes stands under the first; what has none begins a line of its own. */
export function treeOf(events: Events, edges: Events): string {
  const parent = new Map<string, string>()
  for (const { from, to, why } of edges) {
    if (why === 'cause' && !parent.has(String(to))) parent.set(String(to), String(from))
  }
  const under = (id: string | undefined): Events =>
    events.filter(event => parent.get(String(event['id'])) === id)
  const rows: { readonly event: JsonObject; readonly branch: string }[] = []
  const add = (of: Events, indent: string, isTop: boolean): void => {
    for (const [i, event] of of.entries()) {
      const isLast = i === of.length - 1
      const branch = isTop ? '' : isLast ? '└─ ' : '├─ '
      rows.push({ event, branch: indent + branch })
      const deeper = isTop ? '' : isLast ? '   ' : '│  '
      add(under(String(event['id'])), indent + deeper, false)
    }
  }
  add(under(undefined), '', true)
  const heads = rows.map(({ event, branch }) => branch + whatOf(event))
  const width = Math.max(...heads.map(head => [...head].length))
  return rows
    .map(({ event }, i) => {
      const head = heads[i] ?? ''
      const pad = ' '.repeat(width - [...head].length)
      return `${clock(Number(event['timeMs']))}  ${head}${pad}  ${whereOf(event)}`
    })
    .join('\n')
}

/** `kv.put a`, `feed.publish orders/0/12`. */
function whatOf({ method, machine, keys, records }: JsonObject): string {
  const name = method === 'sm.submit' ? `sm.submit ${machine}` : String(method)
  const touched = [
    ...(Array.isArray(keys) ? keys : []).map(showValue),
    ...objects(records).map(({ feed, partition, offset }) =>
      offset === undefined ? String(feed) : `${feed}/${partition}/${offset}`,
    ),
  ]
  return printable([name, ...touched].join(' '))
}

const whereOf = ({ node, shard, lamport, op, rev }: JsonObject): string =>
  printable(`${node}  ${shard}@${lamport}  op ${op}  rev ${rev}`)

/** Causes are arrows, the order of a log is dotted where no cause says as much. */
export function mermaidOf(events: Events, edges: Events): string {
  const names = new Map(events.map(({ id }, i) => [String(id), `e${i + 1}`]))
  const nodes = events.map((event, i) => {
    const where = `${event['node']} · ${event['id']} · ${clock(Number(event['timeMs']))}`
    return `  e${i + 1}["${quoted(whatOf(event))}<br/>${quoted(where)}"]`
  })
  const causes = edges.filter(({ why }) => why === 'cause')
  const isCause = new Set(causes.map(({ from, to }) => `${from} ${to}`))
  const orders = edges.filter(
    ({ from, to, why }) => why === 'order' && !isCause.has(`${from} ${to}`),
  )
  const arrows = [...causes, ...orders].map(({ from, to, why }) => {
    const arrow = why === 'cause' ? '-->' : '-.->'
    return `  ${names.get(String(from))} ${arrow} ${names.get(String(to))}`
  })
  return ['flowchart TD', ...nodes, ...arrows].join('\n')
}

/** Entities for what would end the text or be taken for markup; keys may be anything. */
const quoted = (text: string): string =>
  text.replace(/[#"<>&\n]/g, character => `#${character.charCodeAt(0)};`)
