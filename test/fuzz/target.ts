/** What a fuzz target is: a decoder, what it may throw, and what must hold of what it reads. */
import { isDeepStrictEqual } from 'node:util'
import type { Prng } from '../../src/base/prng.ts'

/** Whether the input was read, or refused with the error that the decoder may throw. */
export type Fate = 'read' | 'refused'

export interface Target {
  readonly name: string
  /** How many cases for each one that others get; 1 when left out. */
  readonly share?: number
  /** How long one input may take in the long run; 50 ms when left out. */
  readonly msMax?: number
  /** Good inputs to start from: the same for the same generator. */
  golden(prng: Prng): readonly Uint8Array[]
  /** At the limits, and beyond: what chance does not come upon, or is too large to be cut everywhere. Tried as they are. */
  edges?(prng: Prng): Iterable<Uint8Array>
  /** Throws when the property does not hold for the input, whatever it is. */
  check(input: Uint8Array): Fate | Promise<Fate>
  /** Grows or bends an input in a way that knows the format; bytes are bent in any case. */
  bend?(input: Uint8Array, prng: Prng): Uint8Array
  /** Makes checksums right again, so that what lies behind them is reached. */
  repair?(input: Uint8Array): Uint8Array
}

export class Broken extends Error {
  override readonly name = 'Broken'
}

export function hold(fact: unknown, what: string): asserts fact {
  if (!fact) throw new Broken(what)
}

export interface Codec<T> {
  readonly decode: (input: Uint8Array) => T
  readonly encode: (value: T) => Uint8Array
  /** Errors that a decoder may throw. */
  readonly typed: readonly (abstract new (
    ...args: never[]
  ) => Error)[]
  /** One value has one encoding: what was read encodes to the input. */
  readonly canonical: boolean
}

/** Only a typed error comes out, and decode(encode(x)) = x. */
export function codecCheck<T>(codec: Codec<T>): (input: Uint8Array) => Fate {
  return input => {
    let value: T
    try {
      value = codec.decode(input)
    } catch (error) {
      return refusedBy(error, codec.typed)
    }
    const again = codec.encode(value)
    if (codec.canonical) hold(Buffer.compare(again, input) === 0, 'one value has one encoding')
    else hold(isDeepStrictEqual(codec.decode(again), value), 'decode(encode(x)) = x')
    return 'read'
  }
}

/** A typed error is a refusal; any other is what we look for. */
export function refusedBy(error: unknown, typed: Codec<unknown>['typed']): 'refused' {
  if (typed.some(each => error instanceof each)) return 'refused'
  throw error
}
