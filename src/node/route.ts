/** Which shard a call belongs to: by its keys, which must all lie in one. */

import { ViewstampError } from '../base/errors.ts'
import { fnv1a } from '../base/fnv.ts'
import type { Call } from './api.ts'
import type { Shard } from './shard.ts'

/** The same on every node, for good. */
export const shardOfKey = (key: string, shards: number): number =>
  shards === 1 ? 0 : fnv1a(key) % shards

export function route(shards: readonly Shard[], call: Call): Shard {
  const named = call.meta.shard
  let found = named === undefined ? undefined : shardByName(shards, named)
  if (shards.length > 1) {
    for (const key of call.keys) {
      const shard = shards[shardOfKey(key, shards.length)]
      if (found && shard !== found) {
        const message = `the keys of one call must lie in one shard: "${key}" is in ${shard?.name}, not in ${found.name}`
        throw new ViewstampError('CROSS_SHARD', message)
      }
      found = shard
    }
  }
  return found ?? first(shards)
}

export function shardByName(shards: readonly Shard[], name: string | undefined): Shard {
  if (name === undefined) return first(shards)
  const shard = shards.find(s => s.name === name)
  if (shard) return shard
  const known = shards.map(s => s.name).join(', ')
  throw new ViewstampError('INVALID_PARAMS', `there is no shard "${name}"; there are: ${known}`, {
    path: 'meta.shard',
  })
}

function first(shards: readonly Shard[]): Shard {
  const shard = shards[0]
  if (shard) return shard
  throw new ViewstampError('NOT_READY', 'this node has no shard yet')
}
