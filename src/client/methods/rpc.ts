// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.
import type { JsonObject } from '../../base/json.ts'
import type { Meta } from './components.ts'

export interface RpcMethods {
  /** This document: every method, its parameters and result, by OpenRPC. */
  'rpc.discover': {
    readonly params: {
      readonly meta?: Meta | undefined
    }
    readonly result: JsonObject
  }
}
