// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.

import type { Header, Meta } from './components.ts'

export interface SnapshotMethods {
  /** Writes the state of every shard, each at one op, to a file that this node keeps; GET /snapshots/<snapshot> gives it. Writes go on meanwhile. The newest three are kept. */
  'snapshot.create': {
    readonly params: {
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly snapshot: string
      readonly op: number
      readonly bytes: number
      readonly hash: string
      readonly createdMs: number
      readonly header: Header
    }
  }
  /** The snapshots that this node keeps, the newest first. */
  'snapshot.list': {
    readonly params: {
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly snapshots: readonly {
        readonly snapshot: string
        readonly op: number
        readonly bytes: number
        readonly hash: string
        readonly createdMs: number
      }[]
      readonly header: Header
    }
  }
}
