/** Which shard a call belongs to: by its keys, which must all lie in one. */
import { ViewstampError } from '../base/errors.ts'
import type { Call } from './api.ts'
import type { Shard } from './shard.ts'

/** FNV-1a over code units: the same on every node, for good; part of the data format. */
export function shardOfKey(key: string, shards: number): number {
  if (shards === 1) return 0
  let h = 0x811c9dc5
  for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 0x01000193)
  return (h >>> 0) % shards
}

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
