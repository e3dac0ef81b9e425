/**
 * The hash of a set of records, kept up to date one record at a time: each record (id, value) has a
 * 128-bit hash of its own, and the set's hash is their sum, four lanes modulo 2^32. Sums do not care
 * for order: equal sets have equal hashes, whatever history led there.
 *
 * It finds divergence by accident, not by intent: it is not cryptographic. Records travel between
 * members of a cluster, which trust each other.
 *
 * A record's hash reads the UTF-16 code units of id, then of value, two to a 32-bit word, word j into
 * lane j mod 4: multiply, rotate, multiply, exclusive-or into the lane, rotate, add the next lane; at
 * the end lengths go in and every lane is mixed with the others (the plan of MurmurHash3 for x86).
 */
import { toHex } from '../base/bytes.ts'

export class StateHash {
  readonly #sum = new Uint32Array(4)
  readonly #one = new Uint32Array(4)

  add(id: string, value: string): void {
    hashRecord(id, value, this.#one)
    for (let i = 0; i < 4; i++) this.#sum[i] = at(this.#sum, i) + at(this.#one, i)
  }

  /** Takes out a record that was added. */
  remove(id: string, value: string): void {
    hashRecord(id, value, this.#one)
    for (let i = 0; i < 4; i++) this.#sum[i] = at(this.#sum, i) - at(this.#one, i)
  }

  clear(): void {
    this.#sum.fill(0)
  }

  /** The union of disjoint sets. */
  addAll(other: StateHash): void {
    for (let i = 0; i < 4; i++) this.#sum[i] = at(this.#sum, i) + at(other.#sum, i)
  }

  /** 32 hex digits. */
  hex(): string {
    const bytes = new Uint8Array(16)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < 4; i++) view.setUint32(4 * i, at(this.#sum, i))
    return toHex(bytes)
  }
}

const at = (lanes: Uint32Array, i: number): number => lanes[i] ?? 0

const lanes = new Int32Array(4)

function hashRecord(id: string, value: string, out: Uint32Array): void {
  lanes[0] = 0x56494557
  lanes[1] = 0x5354414d
  lanes[2] = 0x50454420
  lanes[3] = 0x4c4f4731
  absorb(id)
  absorb(value)
  finish(id.length, value.length, out)
}

function absorb(text: string): void {
  let a = lanes[0] as number
  let b = lanes[1] as number
  let c = lanes[2] as number
  let d = lanes[3] as number
  const length = text.length
  // The tail is padded with zeros; the lengths that go in at the end tell it apart.
  for (let i = 0; i < length; i += 8) {
    a = (rotl(a ^ scramble(word(text, i), 0x239b961b, 15), 19) + b) | 0
    b = (rotl(b ^ scramble(word(text, i + 2), 0xab0e9789, 16), 17) + c) | 0
    c = (rotl(c ^ scramble(word(text, i + 4), 0x38b34ae5, 17), 15) + d) | 0
    d = (rotl(d ^ scramble(word(text, i + 6), 0xa1e38b93, 18), 13) + a) | 0
    a = (Math.imul(a, 5) + 0x561ccd1b) | 0
    b = (Math.imul(b, 5) + 0x0bcaa747) | 0
    c = (Math.imul(c, 5) + 0x96cd1c35) | 0
    d = (Math.imul(d, 5) + 0x32ac3b17) | 0
  }
  lanes[0] = a
  lanes[1] = b
  lanes[2] = c
  lanes[3] = d
}

/** charCodeAt beyond the end is NaN, which is 0 here. */
function word(text: string, i: number): number {
  return text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16)
}

function scramble(word: number, factor: number, turn: number): number {
  return Math.imul(rotl(Math.imul(word, factor), turn), 0x9e3779b1)
}

function rotl(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by))
}

function finish(idLength: number, valueLength: number, out: Uint32Array): void {
  let a = (lanes[0] as number) ^ idLength
  let b = (lanes[1] as number) ^ valueLength
  let c = (lanes[2] as number) ^ idLength
  let d = (lanes[3] as number) ^ valueLength
  a = (a + b + c + d) | 0
  b = avalanche((b + a) | 0)
  c = avalanche((c + a) | 0)
  d = avalanche((d + a) | 0)
  a = avalanche(a)
  a = (a + b + c + d) | 0
  out[0] = a
  out[1] = b + a
  out[2] = c + a
  out[3] = d + a
}

function avalanche(x: number): number {
  let h = x ^ (x >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return h ^ (h >>> 16)
}
