/**
 * Reading and writing of bounded binary records, and text as UTF-8. Little-endian; numbers that
 * may pass 2^32 travel as float64, exact below 2^53.
 */

interface Encoder {
  encode(text: string): Uint8Array
}
interface Decoder {
  decode(bytes: Uint8Array): string
}
declare const TextEncoder: new () => Encoder
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean },
) => Decoder

const encoder = new TextEncoder()
// «ignore» as in «no meaning»: a byte order mark is text like any other. Without it, what was encoded
// and decoded again would be another text, and replicas that decode would differ from one that made it.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const utf8 = (text: string): Uint8Array => encoder.encode(text)

/** Up to here a loop over ASCII beats the decoder. */
const SHORT = 32

/** Throws TypeError on bytes that are not UTF-8. */
export function text(bytes: Uint8Array): string {
  if (bytes.length > SHORT) return decoder.decode(bytes)
  let out = ''
  for (const byte of bytes) {
    if (byte > 0x7f) return decoder.decode(bytes)
    out += String.fromCharCode(byte)
  }
  return out
}

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

export function toHex(bytes: Uint8Array): string {
  let out = ''
  for (const byte of bytes) out += HEX[byte]
  return out
}

export function fromHex(hex: string): Uint8Array {
  const out = new Uint8Array(hex.length >> 1)
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  return out
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Bytes that do not follow the format: bad input, not a bug. Decoders throw nothing else. */
export class FormatError extends Error {
  override readonly name = 'FormatError'
}

/** Grows as needed; `finish` gives a copy of exactly what was written. */
export class Writer {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  #room(count: number): number {
    const at = this.#length
    const need = at + count
    if (need > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#length = need
    return at
  }

  u8(value: number): this {
    const at = this.#room(1)
    this.#bytes[at] = value
    return this
  }

  u16(value: number): this {
    const at = this.#room(2)
    this.#view.setUint16(at, value, true)
    return this
  }

  u32(value: number): this {
    const at = this.#room(4)
    this.#view.setUint32(at, value, true)
    return this
  }

  /** A number that may pass 2^32: op-, view-, request-numbers, milliseconds. */
  f64(value: number): this {
    const at = this.#room(8)
    this.#view.setFloat64(at, value, true)
    return this
  }

  /** Raw bytes; the reader must know how many. */
  raw(bytes: Uint8Array): this {
    const at = this.#room(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  /** Length-prefixed bytes. */
  bytes(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes)
  }

  /** Length-prefixed UTF-8. */
  text(value: string): this {
    return value === '' ? this.u32(0) : this.bytes(utf8(value))
  }

  /** A 16-byte checksum given as 32 hex digits. */
  hex16(hex: string): this {
    const at = this.#room(16)
    for (let i = 0; i < 16; i++) {
      this.#bytes[at + i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
    }
    return this
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}

/** Reads what Writer wrote; every read is checked against the end and throws FormatError. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  #take(count: number): number {
    const at = this.#at
    if (count > this.#bytes.length - at) throw new FormatError('record is cut short')
    this.#at = at + count
    return at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  /** An integer of 0 … 2^53 − 1. */
  f64(): number {
    const value = this.#view.getFloat64(this.#take(8), true)
    if (!Number.isSafeInteger(value) || value < 0) throw new FormatError('number out of range')
    // One number has one encoding.
    if (value === 0 && 1 / value < 0) throw new FormatError('zero has no sign')
    return value
  }

  /** A view, not a copy. */
  raw(count: number): Uint8Array {
    const at = this.#take(count)
    return this.#bytes.subarray(at, at + count)
  }

  bytes(max = Number.MAX_SAFE_INTEGER): Uint8Array {
    const length = this.u32()
    if (length > max) throw new FormatError(`length ${length} is over the limit of ${max}`)
    return this.raw(length)
  }

  text(max = 65_536): string {
    const bytes = this.bytes(max)
    try {
      return text(bytes)
    } catch {
      throw new FormatError('text is not UTF-8')
    }
  }

  hex16(): string {
    return toHex(this.raw(16))
  }

  end(): void {
    if (this.left !== 0) throw new FormatError(`${this.left} bytes too many`)
  }
}
