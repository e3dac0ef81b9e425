// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.
import type { JsonObject } from '../../base/json.ts'
import type { Header, Meta } from './components.ts'

export interface TraceMethods {
  /** All commands of a correlation, over all feeds, keys and shards, none before one that led to it (docs/tracing.md). */
  'trace.get': {
    readonly params: {
      /** as calls gave it in meta, or records as their own */
      readonly correlationId: string
      /** at most so many events (1000) */
      readonly limit?: number | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly correlationId: string
      readonly events: readonly {
        readonly id: string
        readonly shard: string
        readonly op: number
        readonly view: number
        readonly rev: number
        readonly lamport: number
        readonly timeMs: number
        readonly node: string
        readonly machine: string
        readonly method: string
        readonly keys: readonly string[]
        readonly records: readonly {
          readonly feed: string
          readonly partition?: number
          readonly offset?: number
          readonly key?: string
          readonly id?: string
          readonly correlationId?: string
          readonly causationId?: string
        }[]
        readonly session: string
        readonly correlationId?: string
        readonly causationId?: string
      }[]
      readonly edges: readonly {
        readonly from: string
        readonly to: string
        readonly why: 'cause' | 'order'
      }[]
      readonly since: JsonObject
      readonly missing: readonly string[]
      readonly more: boolean
      readonly header: Header
    }
  }
}
