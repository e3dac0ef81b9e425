// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.

import type { Meta } from './components.ts'

export interface SubMethods {
  /** WebSocket only. Ends a subscription; false when there is none of that id. */
  'sub.cancel': {
    readonly params: {
      /** the id that the watch gave */
      readonly subscription: string
      readonly meta?: Meta | undefined
    }
    readonly result: boolean
  }
  /** WebSocket only. The open subscriptions of this connection. */
  'sub.list': {
    readonly params: {
      readonly meta?: Meta | undefined
    }
    readonly result: readonly {
      readonly subscription: string
      readonly method: string
      readonly n: number
      readonly queued: number
    }[]
  }
}
