import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAddress } from '../../src/network/address.ts'
import { AddressBook, decodePeers, encodePeers } from '../../src/network/address-book.ts'
import { CONTROL_BYTES_MAX } from '../../src/network/frames.ts'
import { decodeAnswer, decodeHello, encodeAnswer, encodeHello } from '../../src/network/hello.ts'
import { newIdentity } from '../../src/network/identity.ts'
import { fencedBy, type Hello, judgeHello, type Known } from '../../src/wire/hello.ts'
import type { Standing } from '../../src/wire/promised.ts'

const hello = (overrides: Partial<Hello> = {}): Hello => ({
  version: 1,
  clusterId: 'demo',
  foundingId: 'f',
  name: 'n2',
  incarnation: 'i2',
  bootCounter: 5,
  instanceNonce: 'x',
  addresses: ['/ip4/127.0.0.1/tcp/7410'],
  standing: [at(3, 2, 8)],
  seenOfYou: { incarnation: 'i1', boot: 3 },
  ...overrides,
})
const at = (viewNumber: number, lastNormalView: number, opNumber: number): Standing => ({
  viewNumber,
  lastNormalView,
  opNumber,
  log: 'kept',
})
const mine = hello({ name: 'n1', incarnation: 'i1', bootCounter: 3, instanceNonce: 'm' })
const unknown: Known = { seen: undefined, live: undefined }

describe('judgeHello', () => {
  const seen = { incarnation: 'i2', boot: 5 }
  const live = { bootCounter: 5, instanceNonce: 'x' }
  const next = { instanceNonce: 'y', bootCounter: 6 }
  const behind = { seen: { ...seen, nonce: 'x', promised: [at(3, 2, 9)] } }
  test.each<[string, Partial<Hello>, Partial<Known>, string, boolean]>([
    ['never seen', {}, {}, 'accept', false],
    ['same life', {}, { seen }, 'accept', false],
    ['next boot', { bootCounter: 6 }, { seen }, 'accept', false],
    ['second stream of one process', {}, { seen, live }, 'accept', false],
    [
      'restart before the old connection died',
      { bootCounter: 6, instanceNonce: 'y' },
      { live },
      'restarted',
      false,
    ],
    [
      'start on a copy while the daemon still answers',
      { bootCounter: 6, instanceNonce: 'y' },
      { live: { ...live, answers: true } },
      'refuse',
      true,
    ],
    ['old data in a later life', { instanceNonce: 'y', bootCounter: 6 }, behind, 'refuse', true],
    ['the process that went on since', {}, behind, 'accept', false],
    ['data as promised', { ...next, standing: [at(3, 2, 9)] }, behind, 'accept', false],
    [
      'made anew by recover',
      { ...next, incarnation: `r${'1'.repeat(28)}`, bootCounter: 1 },
      behind,
      'accept',
      false,
    ],
    [
      'of an earlier release, which tells nothing',
      { ...next, standing: undefined },
      behind,
      'accept',
      false,
    ],
    ['copy of a running daemon', { instanceNonce: 'y' }, { live }, 'refuse', true],
    ['boot counter went back', { bootCounter: 4 }, { seen }, 'refuse', true],
    ['other incarnation', { incarnation: 'new' }, { seen }, 'refuse', true],
    [
      'other incarnation with a higher boot',
      { incarnation: 'new', bootCounter: 9 },
      { seen },
      'refuse',
      true,
    ],
    ['other cluster', { clusterId: 'x' }, {}, 'refuse', false],
    ['other founding', { foundingId: 'x' }, {}, 'refuse', false],
    ['other protocol version', { version: 2 }, {}, 'refuse', false],
  ])('%s', (_, theirs, known, type, fence) => {
    const verdict = judgeHello(mine, hello(theirs), { ...unknown, ...known })
    expect(verdict.type).toBe(type)
    if (verdict.type === 'refuse') expect(verdict.fence).toBe(fence)
  })
})

describe('fencedBy', () => {
  test.each([
    [undefined, false],
    [{ incarnation: 'i1', boot: 3 }, false],
    [{ incarnation: 'i1', boot: 2 }, false],
    [{ incarnation: 'i1', boot: 4 }, true],
    [{ incarnation: 'i0', boot: 1 }, true],
    [{ incarnation: 'i1', boot: 2, promised: [at(3, 2, 8)] }, false],
    [{ incarnation: 'i1', boot: 2, promised: [undefined] }, false],
    [{ incarnation: 'i1', boot: 2, promised: [at(3, 2, 9)] }, true],
    [{ incarnation: 'i1', boot: 3, nonce: 'm', promised: [at(3, 2, 9)] }, false],
  ])('a peer that has seen %o of us', (seen, fenced) => {
    expect(fencedBy(mine, 'n2', seen) !== undefined).toBe(fenced)
  })
})

describe('the codec', () => {
  test('gives back what was said', () => {
    expect(decodeHello(encodeHello(hello()))).toEqual(hello())
    const standing: Standing[] = [at(4, 2, 7), { ...at(4, 3, 5), log: 'cut' }]
    const promised = [undefined, { viewNumber: 4, lastNormalView: 3, opNumber: 9 }]
    const seenOfYou = { incarnation: 'i1', boot: 3, nonce: 'm', promised }
    const whole = hello({ standing, seenOfYou })
    expect(decodeHello(encodeHello(whole))).toEqual(whole)
    const answer = { hello: whole, refused: 'no', fence: true }
    expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer)
  })

  test('a hello of 1000 shards fits its frame', () => {
    const standing = Array.from({ length: 1000 }, () => at(10_000, 9_999, 10 ** 10))
    const seenOfYou = { incarnation: 'i1', boot: 3, nonce: 'm', promised: standing }
    const bytes = encodeAnswer({ hello: hello({ standing, seenOfYou }) })
    expect(bytes.length).toBeLessThan(CONTROL_BYTES_MAX)
    expect(decodeAnswer(bytes).hello.standing).toEqual(standing)
  })

  test.each([
    ['standing', { standing: [[1, 1, 1, 3]] }],
    ['standing', { standing: [[1, 1, 1]] }],
    ['standing', { standing: Array.from({ length: 1001 }, () => [1, 1, 1, 0]) }],
    ['promise', { seenOfYou: { incarnation: 'i', boot: 1, promised: [[1, -1, 1]] } }],
    ['promise', { seenOfYou: { incarnation: 'i', boot: 1, promised: [7] } }],
  ])('a %s that makes no sense', (_, fields) => {
    const bytes = Buffer.from(JSON.stringify({ type: 'HELLO', ...hello(), ...fields }))
    expect(() => decodeHello(bytes)).toThrow(expect.objectContaining({ name: 'FormatError' }))
  })

  test('throws nothing but FormatError', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.record({ type: fc.constant('HELLO'), version: fc.jsonValue(), clusterId: fc.string() }),
    )
    const input = fc.oneof(
      fc.uint8Array(),
      value.map(v => Buffer.from(JSON.stringify(v))),
    )
    fc.assert(
      fc.property(input, bytes => {
        for (const decode of [decodeHello, decodeAnswer, decodePeers]) {
          expect(() => decode(bytes)).toThrow(expect.objectContaining({ name: 'FormatError' }))
        }
      }),
    )
  })

  test('ignores members it does not know', () => {
    const sent = JSON.parse(Buffer.from(encodeHello(hello())).toString())
    const later = JSON.stringify({ ...sent, colour: 'blue' })
    expect(decodeHello(Buffer.from(later))).toEqual(hello())
  })
})

describe('AddressBook', () => {
  const [a, b, stranger] = [newIdentity().peerId, newIdentity().peerId, newIdentity().peerId]
  const at = (port: number): string => `/ip4/10.0.0.1/tcp/${port}`
  const book = (): AddressBook => {
    const book = new AddressBook()
    book.setMembers([
      { peerId: a, addresses: [at(1)] },
      { peerId: b, addresses: [] },
    ])
    return book
  }

  test('prefers what a peer says of itself, then the configuration, then hearsay', () => {
    const it = book()
    expect(it.hear(a, [at(3)])).toBe(true)
    expect(it.announce(a, [at(2)])).toBe(true)
    expect(it.of(a)).toEqual([at(2), at(1), at(3)])
    expect(it.announce(a, [at(2)])).toBe(false)
  })

  test('knows nothing of strangers and does not grow', () => {
    const it = book()
    expect(it.hear(stranger, [at(1)])).toBe(false)
    expect(it.of(stranger)).toEqual([])
    for (let port = 1; port < 100; port++) it.hear(b, [at(port)])
    expect(it.of(b).length).toBe(8)
  })

  test('tells the others, not the receiver, and reads it back', () => {
    const it = book()
    expect(it.tell(b)).toEqual([{ peerId: a, addresses: [at(1)] }])
    expect(decodePeers(encodePeers(it.tell(b)))).toEqual(it.tell(b))
    expect(it.tell(a)).toEqual([])
  })

  test('keeps what it learnt of members that stay', () => {
    const it = book()
    it.hear(b, [at(9)])
    it.setMembers([{ peerId: b, addresses: [at(8)] }])
    expect(it.of(b)).toEqual([at(8), at(9)])
    expect(it.has(a)).toBe(false)
  })
})

test.each([
  ['/ip4/127.0.0.1/tcp/7400', true],
  ['/dns4/n1.example.org/tcp/7400', true],
  ['/ip6/::1/tcp/1', true],
  ['/ip4/127.0.0.1/tcp/70000', false],
  ['/ip4/127.0.0.1/udp/1/quic-v1', false],
  ['127.0.0.1:7400', false],
  ['/ip4/127.0.0.1/tcp/1/p2p/nobody', false],
])('%s is an address: %s', (text, valid) => {
  expect(parseAddress(text) !== undefined).toBe(valid)
})
