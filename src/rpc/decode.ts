/**
 * From bytes to a parsed value, in bounded time: JSON.parse takes a million brackets and blocks for a
 * second, and what it gives then cannot be stringified. So depth and length of a batch are counted on
 * the raw bytes first.
 */
import { isUtf8 } from 'node:buffer'
import { ViewstampError } from '../base/errors.ts'

export interface DecodeLimits {
  readonly depth: number
  readonly batch: number
}

/** Throws ViewstampError: PARSE_ERROR, TOO_LARGE, BATCH_TOO_LARGE. */
export function decode(bytes: Buffer, limits: DecodeLimits): unknown {
  if (!isUtf8(bytes)) throw notJson('the request is not UTF-8: send JSON text as UTF-8')
  scan(bytes, limits)
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    throw notJson('the request is not JSON: send one JSON-RPC 2.0 object, or an array of them')
  }
}

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** Brackets and commas outside strings. What is not JSON at all is left to the parser. */
function scan(bytes: Buffer, limits: DecodeLimits): void {
  const batch = firstByte(bytes) === OPEN_LIST
  // The array around a batch is not part of a call.
  const depthMax = batch ? limits.depth + 1 : limits.depth
  let depth = 0
  let commas = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) {
      i = endOfString(bytes, i + 1)
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > depthMax) throw tooDeep(limits.depth)
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      depth--
    } else if (byte === COMMA && batch && depth === 1 && ++commas >= limits.batch) {
      throw tooMany(limits.batch)
    }
  }
}

/** Index of the closing quote, or the end. */
function endOfString(bytes: Buffer, from: number): number {
  for (let i = from; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) return i
    if (byte === BACKSLASH) i++
  }
  return bytes.length
}

function firstByte(bytes: Buffer): number | undefined {
  for (const byte of bytes) if (byte > 0x20) return byte
  return undefined
}

function notJson(sentence: string): ViewstampError {
  return new ViewstampError('PARSE_ERROR', sentence)
}

function tooDeep(limit: number): ViewstampError {
  return new ViewstampError('TOO_LARGE', `the call is nested deeper than the limit of ${limit}`, {
    limit,
  })
}

function tooMany(limit: number): ViewstampError {
  const sentence = `the batch has more calls than the limit of ${limit}; none was executed: send several batches`
  return new ViewstampError('BATCH_TOO_LARGE', sentence, { limit })
}
