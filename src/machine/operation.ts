/**
 * Operations and results as bytes, the form in which they stand in the log and in replies:
 *
 *   operation  {"m":"kv","c":<command>}
 *   result     {"r":<result>}  or  {"e":{"name":…,"message":…,"data":…}}
 */
import { text, utf8 } from '../base/bytes.ts'
import type { Json } from '../base/json.ts'
import { Rejected } from './machine.ts'
import { invalid, isJsonObject } from './member.ts'
import { DEPTH_MAX, isTooDeep } from './plain.ts'

export interface Operation {
  readonly machine: string
  readonly command: Json
}

/** `name` is one of src/base/errors.ts. */
export interface OperationError {
  readonly name: string
  readonly message: string
  readonly data: Json
}

export type OperationResult =
  | { readonly type: 'result'; readonly result: Json }
  | { readonly type: 'error'; readonly error: OperationError }

export function encodeOperation(machine: string, command: Json): Uint8Array {
  return bytesOf(JSON.stringify({ m: machine, c: command }))
}

/** Throws Rejected for bytes that are no operation. */
export function decodeOperation(bytes: Uint8Array): Operation {
  const json = parse(bytes)
  if (isJsonObject(json)) {
    const { m: machine, c: command } = json
    if (typeof machine === 'string' && command !== undefined) {
      if (!isTooDeep(command)) return { machine, command }
      throw new Rejected('TOO_LARGE', `the command is nested deeper than ${DEPTH_MAX} levels`, {
        limit: DEPTH_MAX,
        path: 'command',
      })
    }
  }
  throw invalid('', 'the operation is not of the form {"m":"<machine>","c":<command>}')
}

function parse(bytes: Uint8Array): Json {
  try {
    const json: Json = JSON.parse(text(bytes))
    return json
  } catch {
    throw invalid('', 'the operation is not JSON in UTF-8')
  }
}

export function encodeResult(result: Json): Uint8Array {
  return bytesOf(JSON.stringify({ r: result }))
}

export function encodeError(error: Rejected): Uint8Array {
  const { errorName: name, message, data } = error
  return bytesOf(JSON.stringify({ e: { name, message, data } }))
}

const RESULT = '{"r":'

/** The result's JSON text, for bytes that encodeResult made; undefined for those of encodeError. */
export function resultText(bytes: Uint8Array): string | undefined {
  const json = text(bytes)
  return json.startsWith(RESULT) ? json.slice(RESULT.length, -1) : undefined
}

/** For bytes that encodeResult or encodeError made; throws TypeError on others. */
export function decodeResult(bytes: Uint8Array): OperationResult {
  const json: Json = JSON.parse(text(bytes))
  if (isJsonObject(json)) {
    const { r: result, e: error } = json
    if (result !== undefined) return { type: 'result', result }
    if (isJsonObject(error)) {
      const { name, message, data = {} } = error
      if (typeof name === 'string' && typeof message === 'string') {
        return { type: 'error', error: { name, message, data } }
      }
    }
  }
  throw new TypeError('these bytes are not the result of an operation')
}

/** Typed arrays up to this size lie in the heap of V8 itself; larger ones cost it a buffer of their own. */
const IN_HEAP = 64
/** Longer ones are few, and would waste what is left of a pool. */
const POOLED = 4096
const POOL_BYTES = 64 * 1024
/** UTF-8 takes so many bytes for one code unit at most. */
const UNIT_BYTES = 3
const encoder = new TextEncoder()
let pool = new Uint8Array(0)
let poolUsed = 0

function bytesOf(json: string): Uint8Array {
  const { length } = json
  if (length <= IN_HEAP) return short(json)
  return length <= POOLED ? pooled(json) : utf8(json)
}

function short(json: string): Uint8Array {
  const bytes = new Uint8Array(json.length)
  for (let i = 0; i < json.length; i++) {
    const unit = json.charCodeAt(i)
    if (unit > 0x7f) return utf8(json)
    bytes[i] = unit
  }
  return bytes
}

/** Operations live for some milliseconds, all of one time together: they share buffers. */
function pooled(json: string): Uint8Array {
  if (poolUsed + UNIT_BYTES * json.length > pool.length) {
    pool = new Uint8Array(POOL_BYTES)
    poolUsed = 0
  }
  const { written } = encoder.encodeInto(json, pool.subarray(poolUsed))
  poolUsed += written
  return pool.subarray(poolUsed - written, poolUsed)
}
