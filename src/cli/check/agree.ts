/** At the end all nodes have the same state: one hash at one op, in every shard. */

import { pause } from '../../client/pause.ts'
import { objects } from '../cluster-nodes.ts'
import type { CheckedNode, World } from './world.ts'

const WAIT_MS = 15_000
const PAUSE_MS = 100

export interface Agreement {
  /** yes: all of those that were asked · no: two differ at one op · unknown: not seen in time. */
  readonly verdict: 'yes' | 'no' | 'unknown'
  readonly text: string
}

/** `nodes`: those that must answer. */
export async function agreement(world: World, nodes: readonly CheckedNode[]): Promise<Agreement> {
  const shards = await shardsOf(world, nodes)
  const said: Said = new Map()
  const end = world.now() + WAIT_MS
  for (;;) {
    const found = await Promise.all(shards.map(shard => compare(world, nodes, shard, said)))
    const wrong = found.find(each => each.verdict === 'no')
    if (wrong !== undefined) return wrong
    const open = found.find(each => each.verdict === 'unknown')
    if (open === undefined) return { verdict: 'yes', text: found.map(each => each.text).join(', ') }
    if (world.now() > end) return open
    await pause(PAUSE_MS)
  }
}

/** Hash by shard and op, as some node has said it: those who pass the same op later must say the same. */
type Said = Map<string, { readonly node: string; readonly hash: string }>

async function compare(
  world: World,
  nodes: readonly CheckedNode[],
  shard: string,
  said: Said,
): Promise<Agreement> {
  const ops = new Set<number>()
  let silent: string | undefined
  for (const node of nodes) {
    const params = { meta: { consistency: 'local', shard } }
    const answer = await world.call(node, 'kv.hash', params).catch(() => undefined)
    if (answer === undefined) silent = node.name
    else {
      const [op, hash] = [Number(answer['op']), String(answer['hash'])]
      ops.add(op)
      const place = `${shard} ${op}`
      const other = said.get(place) ?? { node: node.name, hash }
      said.set(place, other)
      if (other.hash !== hash) {
        const text = `at op ${op} of shard ${shard}, ${node.name} has ${hash} and ${other.node} has ${other.hash}`
        return { verdict: 'no', text }
      }
    }
  }
  if (silent !== undefined) return { verdict: 'unknown', text: `${silent} does not tell its hash` }
  if (ops.size === 1) return { verdict: 'yes', text: `${shard} at op ${[...ops].join()}` }
  return { verdict: 'unknown', text: `the nodes are at different ops of shard ${shard}` }
}

async function shardsOf(world: World, nodes: readonly CheckedNode[]): Promise<readonly string[]> {
  for (const node of nodes) {
    const status = await world.call(node, 'cluster.status', {}).catch(() => undefined)
    if (status !== undefined) return objects(status['shards']).map(({ shard }) => String(shard))
  }
  return ['main']
}
