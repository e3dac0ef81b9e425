// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.
import type { Json } from '../../base/json.ts'
import type { Header, Meta } from './components.ts'

export interface LogMethods {
  /** Where the log begins and ends, and how far it is committed. */
  'log.info': {
    readonly params: {
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly first: number
      readonly op: number
      readonly commit: number
      readonly checkpoint: number
      readonly header: Header
    }
  }
  /** Committed entries in order of op. A change is `{rev, machine, key, value}`, without `value` where the key is gone; of the machine `feed` there are: `feed` with its configuration, `feed/partition/offset` with a record that was published, as far as the feed still has it, `feed/partition` with `{first, next}` where records went (retention, truncate; of one entry the last), and `feed/group/name` with what the group is and `offsets`, below which everything is done. */
  'log.read': {
    readonly params: {
      /** first op (default: the first kept) */
      readonly from?: number | undefined
      /** at most so many (100) */
      readonly limit?: number | undefined
      /** what was asked, what it changed, or both */
      readonly as?: 'commands' | 'changes' | 'both' | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly entries: readonly {
        readonly op: number
        readonly view: number
        readonly timeMs: number
        readonly lamport: number
        readonly checksum: string
        readonly parent: string
        readonly revBefore: number
        readonly commands?: readonly Json[]
        readonly changes?: readonly Json[]
      }[]
      readonly header: Header
    }
  }
  /** One entry; null when it is not, or no longer, in the log. `timeline`: when one of the last thousand passed each station on this node, by its clock: received, prepared (handed to the disk), durable, acknowledged (by a peer), executed (committed as far as this node knows). */
  'log.get': {
    readonly params: {
      /** the op */
      readonly op: number
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly entry: {
        readonly op: number
        readonly view: number
        readonly timeMs: number
        readonly lamport: number
        readonly checksum: string
        readonly parent: string
        readonly revBefore: number
        readonly commands?: readonly Json[]
        readonly changes?: readonly Json[]
      } | null
      readonly timeline: readonly {
        readonly node: string
        readonly event: 'received' | 'prepared' | 'durable' | 'acknowledged' | 'executed'
        readonly by?: string
        readonly atMs: number
      }[]
      readonly header: Header
    }
  }
  /** Walks the hash chain on disk and computes every checksum again; with allReplicas every node does, and logs and states are compared: `odd` names who differs from most, `firstBad` the first op that does, `missing` who did not answer. */
  'log.verify': {
    readonly params: {
      /** compare all replicas */
      readonly allReplicas?: boolean | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly ok: boolean
      readonly node: string
      readonly first: number
      readonly head: number
      readonly hash: string
      readonly firstBad?: number
      readonly why?: string
      readonly replicas?: readonly {
        readonly node: string
        readonly ok: boolean
        readonly first: number
        readonly head: number
        readonly hash: string
        readonly firstBad?: number
        readonly why?: string
      }[]
      readonly missing?: readonly string[]
      readonly odd?: readonly string[]
      readonly what?: string
      readonly header: Header
    }
  }
}
