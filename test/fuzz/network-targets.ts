/** Everything that comes from peers: frames, messages, entries, greetings, founding, addresses. */
import fc from 'fast-check'
import { FormatError } from '../../src/base/bytes.ts'
import { Prng } from '../../src/base/prng.ts'
import { parseAddress } from '../../src/network/address.ts'
import { decodePeers, encodePeers } from '../../src/network/address-book.ts'
import {
  decodeFounding,
  encodeFounding,
  type FoundingMessage,
  foundingIdOf,
} from '../../src/network/founding-message.ts'
import { type FrameKind, FrameParser, headerOf } from '../../src/network/frames.ts'
import { decodeAnswer, decodeHello, encodeAnswer, encodeHello } from '../../src/network/hello.ts'
import { ENTRY_BYTES_MAX, type Entry, makeEntry, readEntry } from '../../src/vr/entry.ts'
import { decodeMessage, encodeMessage, MESSAGE_BYTES_MAX } from '../../src/wire/codec.ts'
import type { Hello } from '../../src/wire/hello.ts'
import { entry, messages } from '../wire/arbitrary.ts'
import { bendJson } from './mutate.ts'
import { codecCheck, type Fate, hold, refusedBy, type Target } from './target.ts'

const typed = [FormatError]
const seedOf = (prng: Prng): number => prng.u32() & 0x7fff_ffff
const samples = <T>(arbitrary: fc.Arbitrary<T>, prng: Prng, numRuns: number): T[] =>
  fc.sample(arbitrary, { seed: seedOf(prng), numRuns })

const wire: Target = {
  name: 'wire',
  // Every cut and every bit of all 51 golden frames are 50 000 cases.
  share: 16,
  golden: prng =>
    Object.values(messages).flatMap(each =>
      samples(each, prng, 3).map((message, i) => encodeMessage(i * 7, message)),
    ),
  edges: function* (prng) {
    for (const each of Object.values(messages)) {
      for (const message of samples(each, prng, 40)) yield encodeMessage(1, message)
    }
    yield new Uint8Array(MESSAGE_BYTES_MAX + 1)
  },
  check: codecCheck({
    decode: decodeMessage,
    encode: ({ shard, message }) => encodeMessage(shard, message),
    typed,
    canonical: true,
  }),
}

const entries: Target = {
  name: 'entry',
  golden: prng => samples(entry, prng, 12).map(each => each.bytes),
  edges: () => [new Uint8Array(ENTRY_BYTES_MAX + 1)],
  check: codecCheck<Entry>({ decode: readEntry, encode: makeEntryBytes, typed, canonical: true }),
}

function makeEntryBytes(read: Entry): Uint8Array {
  const made = makeEntry(read)
  hold(made.checksum === read.checksum, 'the checksum is over the bytes')
  return made.bytes
}

const FRAME_BYTES_MAX = 4_096

/** However a stream is cut into chunks, its frames and its end are the same. */
const frames: Target = {
  name: 'frames',
  golden: prng =>
    Array.from({ length: 8 }, () =>
      Buffer.concat(
        Array.from({ length: prng.int(1, 4) }, () =>
          frameOf(prng.pick(['data', 'control']), prng.int(0, 90)),
        ),
      ),
    ),
  check(input) {
    const whole = framesIn([input])
    const prng = new Prng(input.length)
    const chunks: Uint8Array[] = []
    for (let at = 0; at < input.length; ) {
      const to = at + prng.int(0, 9)
      chunks.push(input.subarray(at, to))
      at = to
    }
    const cut = framesIn(chunks)
    hold(whole.text === cut.text, 'frames do not depend on how the stream is cut')
    return whole.fate
  },
}

function frameOf(kind: FrameKind, length: number): Buffer {
  const frame = Buffer.alloc(4 + length, 0x61)
  frame.writeUInt32LE(headerOf(kind, length))
  return frame
}

function framesIn(chunks: readonly Uint8Array[]): { text: string; fate: Fate } {
  const found: string[] = []
  const parser = new FrameParser(
    (kind, frame) => found.push(`${kind} ${Buffer.from(frame).toString('hex')}`),
    FRAME_BYTES_MAX,
  )
  try {
    for (const chunk of chunks) parser.push(chunk)
    return { text: found.join('\n'), fate: 'read' }
  } catch (error) {
    return { text: [...found, String(error)].join('\n'), fate: refusedBy(error, typed) }
  }
}

const PEER = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'
const OTHER = '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'
const HELLO: Hello = {
  version: 1,
  clusterId: 'demo',
  foundingId: 'ab12',
  name: 'n1',
  incarnation: 'r0123456789ab0123456789abcdef0123',
  bootCounter: 3,
  instanceNonce: '0011223344556677',
  addresses: ['/ip4/127.0.0.1/tcp/7400', '/dns4/n1.example/tcp/7400'],
  standing: [
    { viewNumber: 4, lastNormalView: 3, opNumber: 17, log: 'cut' },
    { viewNumber: 2, lastNormalView: 2, opNumber: 900, log: 'kept' },
  ],
  seenOfYou: {
    incarnation: 'x',
    boot: 7,
    nonce: 'y',
    promised: [undefined, { viewNumber: 2, lastNormalView: 2, opNumber: 850 }],
  },
}

const hello: Target = {
  name: 'hello',
  golden: () => [encodeHello(HELLO), encodeHello({ ...HELLO, seenOfYou: undefined })],
  edges: () => [Buffer.from(Buffer.from(encodeHello(HELLO)).toString().replace('"cut"', '"gone"'))],
  bend: bendJson,
  check: codecCheck({ decode: decodeHello, encode: encodeHello, typed, canonical: false }),
}

const helloAnswer: Target = {
  name: 'hello-answer',
  golden: () => [
    encodeAnswer({ hello: HELLO }),
    encodeAnswer({ hello: HELLO, refused: 'no', fence: true }),
  ],
  bend: bendJson,
  check: codecCheck({ decode: decodeAnswer, encode: encodeAnswer, typed, canonical: false }),
}

const peers: Target = {
  name: 'peers',
  golden: () => [encodePeers([{ peerId: PEER, addresses: HELLO.addresses }])],
  bend: bendJson,
  check: codecCheck({ decode: decodePeers, encode: encodePeers, typed, canonical: false }),
}

const SELF = { peerId: PEER, name: 'n1', addresses: HELLO.addresses, incarnation: 'i1' }
const LIST = { clusterId: 'demo', shards: 1, founders: [SELF, { ...SELF, peerId: OTHER }] }
const FOUNDING: readonly FoundingMessage[] = [
  {
    type: 'FOUNDING',
    terms: { clusterId: 'demo', shards: 1, expect: 3, members: [PEER, OTHER] },
    self: SELF,
    proposal: foundingIdOf(LIST),
    promised: LIST,
    peers: [{ peerId: OTHER, addresses: [] }],
  },
  {
    type: 'FOUNDED',
    clusterId: 'demo',
    foundingId: 'ab',
    members: [{ name: 'n1', peerId: PEER }],
    yourIncarnation: 'i1',
  },
]

const [FIRST] = FOUNDING
const FOUNDING_EDGES = [
  { ...FIRST, terms: { clusterId: 'demo', shards: 1, expect: 3 }, proposal: undefined },
  { ...FIRST, promised: undefined },
  { ...FIRST, promised: { ...LIST, founders: LIST.founders.toReversed() } },
  { ...FIRST, promised: { ...LIST, founders: [SELF, SELF] } },
  { ...FOUNDING[1], yourIncarnation: undefined },
] as readonly FoundingMessage[]

const founding: Target = {
  name: 'founding',
  golden: () => FOUNDING.map(encodeFounding),
  edges: () => FOUNDING_EDGES.map(encodeFounding),
  bend: bendJson,
  check: codecCheck({ decode: decodeFounding, encode: encodeFounding, typed, canonical: false }),
}

const address: Target = {
  name: 'address',
  golden: () => HELLO.addresses.map(each => Buffer.from(`${each}/p2p/${PEER}`)),
  check(input) {
    const found = parseAddress(Buffer.from(input).toString())
    if (found === undefined) return 'refused'
    hold(parseAddress(found.at)?.at === found.at, 'an address without its peer id is an address')
    return 'read'
  },
}

export const NETWORK_TARGETS: readonly Target[] = [
  wire,
  entries,
  frames,
  hello,
  helloAnswer,
  peers,
  founding,
  address,
]
