/**
 * V9: what a member says is bounded before it counts. Members are trusted not to lie (docs/security.md), but
 * one whose memory or version is broken must neither wedge the group nor stop the others.
 */
import { describe, expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import { makeEntry } from '../../src/vr/entry.ts'
import type { Message } from '../../src/vr/message.ts'
import { JUMP_MAX } from '../../src/vr/sound.ts'
import type { Replica } from '../../src/vr/state.ts'
import { replicaNumber } from '../../src/vr/terms.ts'
import { operation, type Packet, Replicas } from '../support/replicas.ts'

const LARGEST = Number.MAX_SAFE_INTEGER

/** Three replicas, some operations committed, and every kind of message that they sent on the way. */
function busyGroup(): { group: Replicas; session: string; seen: Map<string, Packet> } {
  const group = new Replicas(3)
  const seen = new Map<string, Packet>()
  const watch = (): void => {
    for (const packet of group.wire) seen.set(packet.message.type, packet)
  }
  const session = group.open(0, 's')
  for (let n = 1; n <= 6; n++) {
    group.request(n % 3, operation(session, n, 'add x 1'))
    for (let round = 0; round < 6; round++) {
      watch()
      group.tick(10)
      for (const node of group.nodes) group.sync(node.number)
      watch()
      group.deliver()
    }
  }
  group.step(1, { type: 'read', readNumber: 1 })
  watch()
  group.deliver()
  watch()
  group.settle()
  // A view change, and somebody who was away for it.
  group.step(0, { type: 'step-down' })
  for (let round = 0; round < 40; round++) {
    watch()
    group.tick(10)
    for (const node of group.nodes) group.sync(node.number)
    watch()
    group.take({ to: 2, type: 'STARTVIEW' })
    group.deliver()
  }
  group.settle()
  return { group, session, seen }
}

/** All that a message could change, without the clocks. */
function stateOf(replica: Replica): string {
  const { nowMs, clockMs, wallMs, clocks, service, ...rest } = replica
  const plain = (_: string, value: unknown): unknown =>
    value instanceof Map || value instanceof Set ? [...value] : value
  return JSON.stringify({ ...rest, hash: service.stateHash() }, plain)
}

const NUMBERS = ['viewNumber', 'lastNormalView', 'opNumber', 'commitNumber'] as const

/** The message with each of its numbers at the edge in turn. */
function* absurd(message: Message): Generator<Message> {
  for (const name of NUMBERS) {
    if (!(name in message)) continue
    for (const number of [LARGEST, LARGEST - 1, 2 * JUMP_MAX]) {
      yield { ...message, [name]: number } as Message
    }
  }
  if (message.type === 'PREPARE') {
    for (const name of ['viewNumber', 'opNumber', 'commitNumber']) {
      yield { ...message, entry: makeEntry({ ...message.entry, [name]: LARGEST }) }
    }
  }
}

describe('view 2^53 − 1 and op 2^53 − 1 from a member', () => {
  test('change nothing, whatever the message, and the group goes on', () => {
    const { group, session, seen } = busyGroup()
    expect([...seen.keys()].sort()).toEqual(
      expect.arrayContaining(['COMMIT', 'COMMITOK', 'DOVIEWCHANGE', 'GETSTATE', 'NEWSTATE']),
    )
    let tried = 0
    for (const { message } of seen.values()) {
      for (const bent of absurd(message)) {
        for (const [to, from] of [0, 1, 2].flatMap(i => [0, 1, 2].map(j => [i, j] as const))) {
          if (to === from) continue
          const before = stateOf(group.at(to))
          const effects = group.step(to, {
            type: 'deliver',
            from: replicaNumber(from),
            message: bent,
          })
          expect(effects).toEqual([])
          expect(stateOf(group.at(to))).toBe(before)
          tried++
        }
      }
    }
    expect(tried).toBeGreaterThan(300)
    group.request(1, operation(session, 7, 'add x 1'))
    group.run(200)
    for (const i of [0, 1, 2]) expect(group.value(i, 'x')).toBe('7')
  })

  test('while one is away for long, small jumps are what they were', () => {
    const { group, session } = busyGroup()
    group.crash(2)
    for (let i = 0; i < 12; i++) {
      group.step(group.at(0).viewNumber % 3 === 0 ? 0 : 1, { type: 'step-down' })
      group.run(300, 0, 1)
    }
    group.start(2)
    group.run(2_000)
    group.request(2, operation(session, 7, 'add x 1'))
    group.run(300)
    expect(group.value(2, 'x')).toBe('7')
  })
})

test('logs that contradict themselves are no logs: the message counts as lost', () => {
  const { group, seen } = busyGroup()
  const sent = seen.get('DOVIEWCHANGE')?.message
  if (sent?.type !== 'DOVIEWCHANGE' || sent.suffix.length < 2) throw new Error('no suffix to bend')
  const [a, b, ...rest] = sent.suffix
  if (a === undefined || b === undefined) throw new Error('no suffix to bend')
  const view = group.at(1).viewNumber + 3
  const bent = [
    { suffix: [b, a, ...rest] },
    { suffix: sent.suffix.slice(1) },
    { suffix: sent.suffix.slice(0, -1) },
    { parent: b.parent },
    { commitNumber: sent.opNumber + 1 },
    { lastNormalView: view },
    { suffix: [makeEntry({ ...a, revBefore: 99 as never }), b, ...rest] },
  ]
  for (const each of bent) {
    for (const type of ['DOVIEWCHANGE', 'STARTVIEW'] as const) {
      if (type === 'STARTVIEW' && 'lastNormalView' in each) continue
      const message = { ...sent, ...each, type, viewNumber: view } as Message
      const before = stateOf(group.at(1))
      expect(group.step(1, { type: 'deliver', from: replicaNumber(view % 3), message })).toEqual([])
      expect(stateOf(group.at(1))).toBe(before)
    }
  }
})

test('numbers that are bent a little, and might be right, stop no replica', () => {
  const prng = new Prng('members')
  const stopped = new Set<string>()
  for (let round = 0; round < 60; round++) {
    const { group, seen } = busyGroup()
    const packets = [...seen.values()]
    for (let i = 0; i < 20; i++) {
      const { message, from } = prng.pick(packets)
      const name = prng.pick(NUMBERS)
      if (!(name in message)) continue
      const was = (message as unknown as Record<string, number>)[name] ?? 0
      const bent = { ...message, [name]: Math.max(0, was + prng.int(-3, 3)) } as Message
      const to = prng.pick([0, 1, 2].filter(each => each !== from))
      try {
        group.step(to, { type: 'deliver', from: replicaNumber(from), message: bent })
      } catch (error) {
        stopped.add(`${bent.type} ${name}: ${String(error)}`)
        break
      }
    }
  }
  expect([...stopped]).toEqual([])
})
