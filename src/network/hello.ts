/** The bytes of a hello (src/wire/hello.ts), and of the answer to it. */
import { utf8 } from '../base/bytes.ts'
import type { Hello, Seen } from '../wire/hello.ts'
import { addressesOf, countOf, fieldsOf, parseFields, textOf } from './fields.ts'

/** The answer to a hello, which may be a refusal; the answerer's hello is in both. */
export interface HelloAnswer {
  readonly hello: Hello
  readonly refused?: string | undefined
  /** The refused one is not the node that its peers know: it must stop, not try again. */
  readonly fence?: boolean | undefined
}

export const encodeHello = (hello: Hello): Uint8Array =>
  utf8(JSON.stringify({ type: 'HELLO', ...hello }))

export const encodeAnswer = (answer: HelloAnswer): Uint8Array =>
  utf8(JSON.stringify({ type: 'HELLO-ANSWER', ...answer }))

/** Throws FormatError; unknown members are ignored, so that later versions may add some. */
export const decodeHello = (bytes: Uint8Array): Hello => helloOf(parseFields(bytes, 'HELLO'))

export function decodeAnswer(bytes: Uint8Array): HelloAnswer {
  const fields = parseFields(bytes, 'HELLO-ANSWER')
  const refused = fields['refused']
  return {
    hello: helloOf(fieldsOf(fields['hello'], 'hello')),
    refused: refused === undefined ? undefined : textOf(refused, 'refused', 1024),
    fence: fields['fence'] === true,
  }
}

function helloOf(fields: Record<string, unknown>): Hello {
  const seen = fields['seenOfYou']
  return {
    version: countOf(fields['version'], 'version'),
    clusterId: textOf(fields['clusterId'], 'clusterId'),
    foundingId: textOf(fields['foundingId'], 'foundingId'),
    name: textOf(fields['name'], 'name'),
    incarnation: textOf(fields['incarnation'], 'incarnation'),
    bootCounter: countOf(fields['bootCounter'], 'bootCounter'),
    instanceNonce: textOf(fields['instanceNonce'], 'instanceNonce'),
    addresses: addressesOf(fields['addresses']),
    seenOfYou: seen === undefined ? undefined : seenOf(fieldsOf(seen, 'seenOfYou')),
  }
}

const seenOf = (fields: Record<string, unknown>): Seen => ({
  incarnation: textOf(fields['incarnation'], 'incarnation'),
  boot: countOf(fields['boot'], 'boot'),
  ...(fields['nonce'] !== undefined && { nonce: textOf(fields['nonce'], 'nonce') }),
})
