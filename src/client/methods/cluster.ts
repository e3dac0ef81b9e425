// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.

import type { Header, Meta } from './components.ts'

export interface ClusterMethods {
  /** This node: its replicas and how far they are, its peers, its alarms. `lagMs` and `follows`: at a standby, for how long it has not known that it had all, and whom it asks. */
  'cluster.status': {
    readonly params: {
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly name: string
      readonly peerId: string
      readonly role: string
      readonly shards: readonly {
        readonly shard: string
        readonly status: string
        readonly epoch: number
        readonly view: number
        readonly primary: string | null
        readonly isPrimary: boolean
        readonly op: number
        readonly commit: number
        readonly applied: number
        readonly checkpoint: number
        readonly lag: number
        readonly lagMs?: number | null
        readonly follows?: string | null
      }[]
      readonly rpc?: string | null
      readonly peers: readonly {
        readonly name: string
        readonly peerId: string
        readonly role: 'replica' | 'standby'
        readonly connected: boolean
        readonly addresses: readonly string[]
        readonly rpc: string | null
      }[]
      readonly uptimeMs: number
      readonly alarms: readonly string[]
      readonly scrub?: {
        readonly bytes: number
        readonly passes: number
        readonly lastPassMs: number | null
      }
      readonly mended?: {
        readonly times: number
        readonly lastMs: number
        readonly why: string
      }
      readonly header: Header
    }
  }
  /** The nodes as seen from here: is there a quorum, how many more may fail, what to do. */
  'cluster.health': {
    readonly params: {
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly nodes: readonly {
        readonly name: string
        readonly peerId: string
        readonly role: 'replica' | 'standby'
        readonly up: boolean
        readonly self: boolean
        readonly primaryOf: readonly string[]
      }[]
      readonly quorum: boolean
      readonly faultsTolerated: number
      readonly advice: readonly string[]
      readonly header: Header
    }
  }
  /** The cluster and its members. */
  'cluster.members': {
    readonly params: {
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly clusterId: string
      readonly foundingId: string
      readonly shards: number
      readonly epoch: number
      readonly members: readonly {
        readonly name: string
        readonly peerId: string
        readonly role: string
        readonly addresses: readonly string[]
      }[]
      readonly header: Header
    }
  }
  /** Asks the primary to hand over; answers once another view has started. */
  'cluster.stepDown': {
    readonly params: {
      /** of which shard (main) */
      readonly shard?: string | undefined
      /** to which node */
      readonly to?: string | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly view: number
      readonly primary: string | null
      readonly header: Header
    }
  }
  /** WebSocket only. View changes, members and peers as they come and go, as sub.event. */
  'cluster.watch': {
    readonly params: {
      /** only these; `member_*` for all of a family */
      readonly kinds?: readonly string[] | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly subscription: string
      readonly header: Header
    }
  }
}
