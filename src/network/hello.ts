/** The bytes of a hello (src/wire/hello.ts), and of the answer to it. */
import { FormatError, utf8 } from '../base/bytes.ts'
import type { Hello, Seen } from '../wire/hello.ts'
import type { Promised, Standing } from '../wire/promised.ts'
import { addressesOf, countOf, fieldsOf, listOf, parseFields, textOf } from './fields.ts'

/** The answer to a hello, which may be a refusal; the answerer's hello is in both. */
export interface HelloAnswer {
  readonly hello: Hello
  readonly refused?: string | undefined
  /** The refused one is not the node that its peers know: it must stop, not try again. */
  readonly fence?: boolean | undefined
}

export const encodeHello = (hello: Hello): Uint8Array =>
  utf8(JSON.stringify({ type: 'HELLO', ...fieldsFrom(hello) }))

export const encodeAnswer = (answer: HelloAnswer): Uint8Array =>
  utf8(JSON.stringify({ type: 'HELLO-ANSWER', ...answer, hello: fieldsFrom(answer.hello) }))

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

/** Of 1000 shards: the bytes count. */
function fieldsFrom({ standing, seenOfYou, ...hello }: Hello): object {
  const promised = seenOfYou?.promised?.map(shard => shard && rowOf(shard))
  return {
    ...hello,
    standing: standing?.map(shard => [...rowOf(shard), LOGS.indexOf(shard.log)]),
    seenOfYou: seenOfYou && { ...seenOfYou, promised },
  }
}

const rowOf = ({ viewNumber, lastNormalView, opNumber }: Promised): number[] => [
  viewNumber,
  lastNormalView,
  opNumber,
]

/** On the wire by their place. */
const LOGS = ['kept', 'cut', 'recovering'] as const
const SHARDS_MAX = 1000

function helloOf(fields: Record<string, unknown>): Hello {
  const { seenOfYou: seen, standing } = fields
  return {
    version: countOf(fields['version'], 'version'),
    clusterId: textOf(fields['clusterId'], 'clusterId'),
    foundingId: textOf(fields['foundingId'], 'foundingId'),
    name: textOf(fields['name'], 'name'),
    incarnation: textOf(fields['incarnation'], 'incarnation'),
    bootCounter: countOf(fields['bootCounter'], 'bootCounter'),
    instanceNonce: textOf(fields['instanceNonce'], 'instanceNonce'),
    addresses: addressesOf(fields['addresses']),
    ...(standing !== undefined && { standing: listOf(standing, 'standing', STANDINGS) }),
    seenOfYou: seen === undefined ? undefined : seenOf(fieldsOf(seen, 'seenOfYou')),
  }
}

const seenOf = (fields: Record<string, unknown>): Seen => ({
  incarnation: textOf(fields['incarnation'], 'incarnation'),
  boot: countOf(fields['boot'], 'boot'),
  ...(fields['nonce'] !== undefined && { nonce: textOf(fields['nonce'], 'nonce') }),
  ...(fields['promised'] !== undefined && {
    promised: listOf(fields['promised'], 'promised', PROMISES),
  }),
})

function promisedOf(row: unknown): Promised {
  const [view, normal, op] = listOf(row, 'promise', NUMBERS)
  return {
    viewNumber: countOf(view, 'view'),
    lastNormalView: countOf(normal, 'last normal view'),
    opNumber: countOf(op, 'op'),
  }
}

function standingOf(row: unknown): Standing {
  const log = LOGS[listOf(row, 'standing', NUMBERS)[3] as number]
  if (log === undefined) throw new FormatError('a standing does not say how its log is')
  return { ...promisedOf(row), log }
}

const NUMBERS = { max: 4, item: (value: unknown) => value }
const STANDINGS = { max: SHARDS_MAX, item: standingOf }
/** `null`: nothing was promised there. */
const PROMISES = {
  max: SHARDS_MAX,
  item: (row: unknown) => (row === null ? undefined : promisedOf(row)),
}
