// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.

import type { Header, Meta } from './components.ts'

export interface SessionMethods {
  /** Opens a session, good for keys of any shard. Number its writes 1, 2, 3 … in meta.seq and send them with meta.session. */
  'session.open': {
    readonly params: {
      /** kept for this long without a sign of life */
      readonly ttlMs?: number | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly session: string
      readonly nextSeq: number
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Keeps a session that has nothing to write. */
  'session.keepAlive': {
    readonly params: {
      /** the id that session.open gave */
      readonly session: string
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Ends a session. */
  'session.close': {
    readonly params: {
      /** the id that session.open gave */
      readonly session: string
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly lamport?: number
      readonly header: Header
    }
  }
}
