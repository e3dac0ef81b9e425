/** Each message that travels, as bytes and as what they mean. */
import fc from 'fast-check'
import type { Json } from '../../src/base/json.ts'
import { decodePeers } from '../../src/network/address-book.ts'
import { decodeFounding } from '../../src/network/founding-message.ts'
import { decodeAnswer, decodeHello } from '../../src/network/hello.ts'
import { decodeMessage, encodeMessage } from '../../src/wire/codec.ts'
import { messages } from '../wire/arbitrary.ts'

export interface Capture {
  readonly type: string
  readonly hex: string
  readonly meaning: Json
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Bytes as hexadecimal, and what is absent left out, so that a file can hold it. */
function plain(value: unknown): Json {
  const seen = (_: string, each: unknown): unknown =>
    each instanceof Uint8Array ? { hex: hexOf(each) } : each
  return JSON.parse(JSON.stringify(value, seen)) as Json
}

const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  HELLO: decodeHello,
  'HELLO-ANSWER': decodeAnswer,
  PEERS: decodePeers,
  FOUNDING: decodeFounding,
  FOUNDED: decodeFounding,
}

/** What these bytes mean to this version. */
export function meaningOfBytes(type: string, hex: string): Json {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
  return plain((DECODERS[type] ?? decodeMessage)(bytes))
}

/** What this version would send for what these bytes mean; control messages are JSON, in any order. */
export function sentAgain(type: string, hex: string): string {
  if (type in DECODERS) return hex
  const { shard, message } = decodeMessage(Uint8Array.from(Buffer.from(hex, 'hex')))
  return hexOf(encodeMessage(shard, message))
}

/** Two of each message of the protocol, and the control messages given. */
export function captures(control: Readonly<Record<string, Uint8Array>>): Capture[] {
  const frames = Object.entries(messages).flatMap(([type, arbitrary]) =>
    fc
      .sample(arbitrary, { seed: 20_260_901, numRuns: 2 })
      .map((message, i) => ({ type, hex: hexOf(encodeMessage(i, message)) })),
  )
  const texts = Object.entries(control).map(([type, bytes]) => ({ type, hex: hexOf(bytes) }))
  return [...frames, ...texts].map(({ type, hex }) => ({
    type,
    hex,
    meaning: meaningOfBytes(type, hex),
  }))
}
