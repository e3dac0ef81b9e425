// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.
import type { Json } from '../../base/json.ts'
import type { Header, Meta } from './components.ts'

export interface SmMethods {
  /** The state machines of this cluster. */
  'sm.list': {
    readonly params: {
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly machines: readonly {
        readonly name: string
        readonly version: number
      }[]
      readonly header: Header
    }
  }
  /** A command through the log to a machine. */
  'sm.submit': {
    readonly params: {
      /** name of the machine: sm.list has all */
      readonly machine: string
      /** what the machine understands: JSON of up to 1048576 bytes */
      readonly command: Json
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly result: Json
      readonly rev?: number
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** A question to a machine, at the consistency of meta. */
  'sm.query': {
    readonly params: {
      /** name of the machine: sm.list has all */
      readonly machine: string
      /** what the machine understands: JSON of up to 1048576 bytes */
      readonly command: Json
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly result: Json
      readonly rev?: number
      readonly header: Header
    }
  }
}
