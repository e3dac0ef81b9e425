/**
 * SHA-256 (FIPS 180-4), synchronous and the same in daemon, simulator and browser. A host may hand
 * in a faster implementation of the same function with `useSha256`; answers do not change.
 */
import { toHex } from './bytes.ts'

const K = new Uint32Array(64)
const H0 = new Uint32Array(8)

/** The constants are the fractional parts of cube and square roots of the first primes. */
function initialise(): void {
  const fraction = (x: number): number => ((x - Math.floor(x)) * 2 ** 32) >>> 0
  let found = 0
  for (let n = 2; found < 64; n++) {
    let prime = true
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false
    if (!prime) continue
    if (found < 8) H0[found] = fraction(Math.sqrt(n))
    K[found++] = fraction(Math.cbrt(n))
  }
}
initialise()

const W = new Uint32Array(64)

function compress(h: Uint32Array, block: DataView, at: number): void {
  for (let i = 0; i < 16; i++) W[i] = block.getUint32(at + 4 * i, false)
  for (let i = 16; i < 64; i++) {
    const a = W[i - 15] as number
    const b = W[i - 2] as number
    const s0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3)
    const s1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10)
    W[i] = ((W[i - 16] as number) + s0 + (W[i - 7] as number) + s1) >>> 0
  }
  let [a, b, c, d, e, f, g, k] = h as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (k + s1 + ((e & f) ^ (~e & g)) + (K[i] as number) + (W[i] as number)) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    k = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  const sums = [a, b, c, d, e, f, g, k]
  for (let i = 0; i < 8; i++) h[i] = ((h[i] as number) + (sums[i] as number)) >>> 0
}

/** The specification, in plain code. */
export function sha256Plain(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(((bytes.length + 8) >> 6) * 64 + 64)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29), false)
  view.setUint32(padded.length - 4, (bytes.length << 3) >>> 0, false)
  const h = H0.slice()
  for (let at = 0; at < padded.length; at += 64) compress(h, view, at)
  const out = new Uint8Array(32)
  const outView = new DataView(out.buffer)
  for (let i = 0; i < 8; i++) outView.setUint32(4 * i, h[i] as number, false)
  return out
}

let sha256Hex: (bytes: Uint8Array) => string = bytes => toHex(sha256Plain(bytes))

/** Replaces the implementation, not the function: `fast` gives SHA-256 as 64 hex digits. */
export function useSha256(fast: (bytes: Uint8Array) => string): void {
  sha256Hex = fast
}

/** The first 128 bits of SHA-256 as 32 hex digits: what names and guards a record. */
export function digest(bytes: Uint8Array): string {
  return sha256Hex(bytes).slice(0, 32)
}
