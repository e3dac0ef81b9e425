/** Which frames a call of chaos.* means: groups and names become the other nodes, seen from this one. */
import type { ChaosApi, ChaosStatus, Direction, Reach } from '../../chaos/api.ts'
import { invalidParams } from '../errors.ts'

type Names = string | readonly string[] | undefined
const asList = (given: Names): readonly string[] =>
  given === undefined ? [] : typeof given === 'string' ? [given] : given

interface Where {
  readonly direction?: Direction | undefined
  readonly shard?: string | undefined
}

/** The frames meant, with nodes and shard that exist. */
function reach(chaos: ChaosApi, path: string, peers: readonly string[], where: Where): Reach {
  const { direction = 'both', shard } = where
  const unknown = peers.find(name => !chaos.others.includes(name))
  if (unknown !== undefined) {
    const which = chaos.others.join(', ') || 'none'
    throw invalidParams(path, `${path} has "${unknown}": the other nodes are ${which}`)
  }
  if (shard !== undefined && !chaos.shards.includes(shard)) {
    const sentence = `there is no shard "${shard}": the shards are ${chaos.shards.join(', ')}`
    throw invalidParams('shard', sentence)
  }
  return { peers: chaos.others.filter(name => peers.includes(name)), direction, shard }
}

interface Partition extends Where {
  readonly from?: Names
  readonly to?: Names
  readonly peers?: Names
  readonly forMs?: number | undefined
}

/** `from` and `to` are groups: whichever holds this node, it is cut off from those of the other. */
export function partition(chaos: ChaosApi, params: Partition): ChaosStatus {
  const from = params.from === undefined ? [chaos.node] : asList(params.from)
  const far = asList(params.to ?? params.peers)
  const to = far.length > 0 ? far : chaos.others.filter(name => !from.includes(name))
  const known = [chaos.node, ...chaos.others]
  const [here, there, path] = from.includes(chaos.node) ? [from, to, 'to'] : [to, from, 'from']
  const stranger = here.find(name => !known.includes(name))
  if (stranger !== undefined) {
    throw invalidParams('from', `there is no node "${stranger}": the nodes are ${known.join(', ')}`)
  }
  if (!here.includes(chaos.node)) {
    throw invalidParams(
      'from',
      `neither from nor to has ${chaos.node}: call one of the nodes named`,
    )
  }
  const both = there.find(name => here.includes(name))
  if (both !== undefined) throw invalidParams('to', `"${both}" is on both sides`)
  const turned = { both: 'both', in: 'out', out: 'in' } as const
  const { direction = 'both', shard } = params
  const seen = here === from ? direction : turned[direction]
  const fault = reach(chaos, path, there, { direction: seen, shard })
  if (fault.peers.length === 0)
    throw invalidParams('to', 'there is no other node to be cut off from')
  return chaos.inject({ kind: 'partition', ...fault }, params.forMs)
}

/** Faults of the line: to all others unless some are named. */
export function line(
  chaos: ChaosApi,
  { peer, ...where }: Where & { readonly peer?: Names },
): Reach {
  const peers = peer === undefined ? chaos.others : asList(peer)
  if (peers.length === 0) throw invalidParams('peer', 'there is no other node')
  return reach(chaos, 'peer', peers, where)
}
