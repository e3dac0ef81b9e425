/** Arbitrary messages of every type, for the property tests of the codec. */
import fc from 'fast-check'
import { type Command, type Entry, makeEntry } from '../../src/vr/entry.ts'
import type { CheckpointId, Message, ReplyAnswer, StateReport } from '../../src/vr/message.ts'
import type { ServiceRecord } from '../../src/vr/service.ts'
import {
  checksumOf,
  clientId,
  epochNumber,
  opNumber,
  requestNumber,
  revOf,
  viewNumber,
} from '../../src/vr/terms.ts'

const whole = fc.oneof(fc.nat(1000), fc.maxSafeNat())
const bytes = fc.uint8Array({ maxLength: 40 })
const words = fc.string({ unit: 'grapheme', maxLength: 12 })
const checksum = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(hex => checksumOf(toHex(hex)))

function toHex(raw: Uint8Array): string {
  return Array.from(raw, byte => byte.toString(16).padStart(2, '0')).join('')
}

const command: fc.Arbitrary<Command> = fc.record({
  kind: fc.constantFrom('operation', 'register', 'keep-alive', 'close', 'pulse'),
  clientId: words.map(clientId),
  requestNumber: whole.map(requestNumber),
  ackedNumber: whole.map(requestNumber),
  meta: words,
  operation: bytes,
})

export const entry: fc.Arbitrary<Entry> = fc
  .record({
    shard: fc.nat(0xffff),
    epochNumber: whole.map(epochNumber),
    viewNumber: whole.map(viewNumber),
    opNumber: whole.map(opNumber),
    parent: checksum,
    timeMs: whole,
    revBefore: whole.map(revOf),
    lamport: whole,
    commitNumber: whole.map(opNumber),
    commands: fc.array(command, { maxLength: 3 }),
  })
  .map(makeEntry)

const entries = fc.array(entry, { maxLength: 3 })

const answer: fc.Arbitrary<ReplyAnswer> = fc.oneof(
  fc.record({
    type: fc.constant('executed' as const),
    opNumber: whole.map(opNumber),
    viewNumber: whole.map(viewNumber),
    rev: whole.map(revOf),
    lamport: whole,
    timeMs: whole,
    result: bytes,
  }),
  fc.record({
    type: fc.constant('refused' as const),
    reason: fc.constantFrom(
      'not-primary',
      'view-change',
      'overloaded',
      'number-in-use',
      'no-space',
    ),
  }),
  fc.record({
    type: fc.constant('forgotten' as const),
    reason: fc.constantFrom('no-session', 'too-old', 'result-dropped'),
  }),
  fc.record({ type: fc.constant('reused' as const) }),
)

const checkpointId: fc.Arbitrary<CheckpointId> = fc.record({
  opNumber: whole.map(opNumber),
  checksum,
  rev: whole.map(revOf),
  timeMs: whole,
  lamport: whole,
  stateHash: checksum,
})

const stateReport: fc.Arbitrary<StateReport> = fc.record({
  opNumber: whole.map(opNumber),
  stateHash: checksum,
})

const record: fc.Arbitrary<ServiceRecord> = fc.record({
  id: words,
  value: fc.option(words, { nil: undefined }),
})

const view = whole.map(viewNumber)
const op = whole.map(opNumber)

/** By type, so that a test can ask that every one of them was tried. */
export const messages: { readonly [T in Message['type']]: fc.Arbitrary<Message> } = {
  REQUEST: fc.record({
    type: fc.constant('REQUEST' as const),
    lamport: whole,
    commands: fc.array(command, { maxLength: 4 }),
  }),
  REPLY: fc.record({
    type: fc.constant('REPLY' as const),
    viewNumber: view,
    clientId: words.map(clientId),
    requestNumber: whole.map(requestNumber),
    fingerprint: fc.nat(0xffffffff),
    answer,
  }),
  PREPARE: fc.record({
    type: fc.constant('PREPARE' as const),
    viewNumber: view,
    entry,
    commitNumber: op,
  }),
  PREPAREOK: fc.record({
    type: fc.constant('PREPAREOK' as const),
    viewNumber: view,
    opNumber: op,
  }),
  COMMIT: fc.record({
    type: fc.constant('COMMIT' as const),
    viewNumber: view,
    commitNumber: op,
    opNumber: op,
    probe: whole,
    agreed: fc.option(stateReport, { nil: undefined }),
  }),
  COMMITOK: fc.record({
    type: fc.constant('COMMITOK' as const),
    viewNumber: view,
    opNumber: op,
    probe: whole,
    state: stateReport,
    isShortOfSpace: fc.boolean(),
    wallMs: whole,
  }),
  RECOVERY: fc.record({
    type: fc.constant('RECOVERY' as const),
    viewNumber: view,
    nonce: whole,
  }),
  RECOVERYRESPONSE: fc.record({
    type: fc.constant('RECOVERYRESPONSE' as const),
    viewNumber: view,
    nonce: whole,
  }),
  STARTVIEWCHANGE: fc.record({ type: fc.constant('STARTVIEWCHANGE' as const), viewNumber: view }),
  DOVIEWCHANGE: fc.record({
    type: fc.constant('DOVIEWCHANGE' as const),
    viewNumber: view,
    lastNormalView: view,
    opNumber: op,
    commitNumber: op,
    wallMs: whole,
    parent: checksum,
    suffix: entries,
  }),
  STARTVIEW: fc.record({
    type: fc.constant('STARTVIEW' as const),
    viewNumber: view,
    opNumber: op,
    commitNumber: op,
    parent: checksum,
    suffix: entries,
  }),
  GETSTATE: fc.record({
    type: fc.constant('GETSTATE' as const),
    viewNumber: view,
    opNumber: op,
    nonce: whole,
  }),
  NEWSTATE: fc.record({
    type: fc.constant('NEWSTATE' as const),
    viewNumber: view,
    nonce: whole,
    entries,
    opNumber: op,
    commitNumber: op,
    checkpoint: fc.option(checkpointId, { nil: undefined }),
  }),
  GETENTRIES: fc.record({
    type: fc.constant('GETENTRIES' as const),
    nonce: whole,
    first: op,
    last: op,
  }),
  NEWENTRIES: fc.record({
    type: fc.constant('NEWENTRIES' as const),
    nonce: whole,
    isNormal: fc.boolean(),
    entries,
  }),
  GETCHECKPOINT: fc.record({
    type: fc.constant('GETCHECKPOINT' as const),
    nonce: whole,
    opNumber: op,
    after: fc.option(words, { nil: undefined }),
  }),
  NEWCHECKPOINT: fc.record({
    type: fc.constant('NEWCHECKPOINT' as const),
    nonce: whole,
    opNumber: op,
    records: fc.array(record, { maxLength: 4 }),
    progress: fc.constantFrom('more', 'last', 'gone'),
  }),
  GETTEXTS: fc.record({
    type: fc.constant('GETTEXTS' as const),
    nonce: whole,
    opNumber: op,
    ids: fc.array(words, { maxLength: 4 }),
  }),
  NEWTEXTS: fc.record({
    type: fc.constant('NEWTEXTS' as const),
    nonce: whole,
    opNumber: op,
    texts: fc.array(fc.record({ id: words, text: words }), { maxLength: 4 }),
  }),
  READINDEX: fc.record({ type: fc.constant('READINDEX' as const), readNumber: whole }),
  READINDEXOK: fc.record({
    type: fc.constant('READINDEXOK' as const),
    viewNumber: view,
    readNumber: whole,
    opNumber: op,
  }),
}

export const anyMessage: fc.Arbitrary<Message> = fc.oneof(...Object.values(messages))
