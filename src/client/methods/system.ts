// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.

import type { Header, Meta } from './components.ts'

export interface SystemMethods {
  /** Answers at once, without asking the cluster; `nowMs` is the clock of this machine. */
  'system.ping': {
    readonly params: {
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly pong: boolean
      readonly nowMs: number
      readonly header: Header
    }
  }
  /** The version of the daemon and of this contract. */
  'system.version': {
    readonly params: {
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly version: string
      readonly protocol: string
      readonly node: string
      readonly features: readonly string[]
      readonly header: Header
    }
  }
}
