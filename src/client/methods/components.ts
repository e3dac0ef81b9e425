// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.
import type { Json, JsonObject } from '../../base/json.ts'

export type Header = {
  readonly cluster: string
  readonly node: string
  readonly shard: string
  readonly epoch: number
  readonly view: number
  readonly op: number
  readonly commit: number
  readonly primary: string | null
  readonly timeMs: number
}

export type KeyValue = {
  readonly key: string
  readonly value?: Json
  readonly rev: number
  readonly createRev: number
  readonly version: number
  readonly expiresMs?: number
}

export type Change = {
  readonly type: 'put' | 'delete'
  readonly key: string
  readonly rev: number
  readonly value?: Json
  readonly prev?: Json
  readonly createRev?: number
  readonly version?: number
}

export type Version = {
  readonly rev: number
  readonly value: Json
  readonly deleted: boolean
  readonly timeMs?: number
  readonly lamport?: number
  readonly correlationId?: string
}

export type FeedRecord = {
  readonly feed: string
  readonly partition: number
  readonly offset: number
  readonly timeMs: number
  readonly rev: number
  readonly key?: string
  readonly value: Json
  readonly headers: JsonObject
  readonly lamport?: number
  readonly correlationId?: string
  readonly causationId?: string
  readonly viewstamp: {
    readonly view: number
    readonly op: number
  }
  readonly id?: string
}

export type Event = {
  readonly rev: number
  readonly shard?: string
  readonly view: number
  readonly op: number
  readonly timeMs: number
  readonly lamport: number
  readonly correlationId?: string
  readonly changes: readonly Change[]
}

export type Meta = {
  /** give up after this time */
  readonly timeoutMs?: number | undefined
  /** of a read: linearizable (default), session (waits for minRev), local (this node as it is) */
  readonly consistency?: 'linearizable' | 'session' | 'local' | undefined
  /** of a session read: wait until this node has applied this rev */
  readonly minRev?: number | undefined
  /** from session.open: with seq, the write is executed at most once */
  readonly session?: string | undefined
  /** number of the write in its session: 1, 2, 3 …, one for each write */
  readonly seq?: number | undefined
  /** what this call belongs to: trace.get finds all of it */
  readonly correlationId?: string | undefined
  /** what caused this call: the id of an event, or any name */
  readonly causationId?: string | undefined
  /** of W3C Trace Context: stands for both of them where there is no correlationId */
  readonly traceparent?: string | undefined
  /** the latest Lamport time that the caller has seen: a write gets a later one */
  readonly lamport?: number | undefined
  /** shard to ask, where no key decides it */
  readonly shard?: string | undefined
  /** false: answer NOT_PRIMARY instead of forwarding */
  readonly forward?: boolean | undefined
}
