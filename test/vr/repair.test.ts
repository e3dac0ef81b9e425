/** Damaged entries come back, whoever has them and however few fit a message; until then nothing is promised. Decision 0018 */
import { expect, test } from 'vitest'
import type { Entry } from '../../src/vr/entry.ts'
import { operation, Replicas } from '../support/replicas.ts'

const SMALL = { logTailMax: 10, logTailBytesMax: 1000, transferBytesMax: 700, startGraceMs: 4000 }

function withLog(requests: number, options = {}): { group: Replicas; session: string } {
  const group = new Replicas(3, { ...SMALL, ...options })
  const session = group.open(0, 's')
  for (let n = 1; n <= requests; n++) {
    group.request(0, operation(session, n, `put k${n % 9} ${n}`, n - 1))
    group.settle()
  }
  group.run(100)
  return { group, session }
}

function damage(group: Replicas, i: number, first: number, last = first): void {
  const { entries } = group.node(i).disk.image
  for (let op = first; op <= last; op++) {
    entries[op - 1] = { ...(entries[op - 1] as Entry), bytes: new Uint8Array(1) }
  }
}

const checksums = (group: Replicas, i: number): string[] =>
  group.node(i).disk.image.entries.map(entry => entry.checksum)

test('a long run, from its end down, in messages of a few entries, from disks that are read in slices', () => {
  const { group } = withLog(60)
  const before = checksums(group, 1)
  group.crash(2)
  damage(group, 2, 3, 55)
  group.start(2)
  expect(group.state(2)).toBe('repairing v0 n2 k1')
  const asked = new Set<number>()
  let most = 0
  for (let ms = 0; group.at(2).status === 'repairing' && ms < 20_000; ms += 10) {
    for (const { message } of group.wire) {
      if (message.type === 'GETENTRIES') asked.add(message.last)
      if (message.type === 'NEWENTRIES') most = Math.max(most, message.entries.length)
    }
    group.tick(10)
    group.deliver()
    for (const i of [0, 1, 2]) group.sync(i)
  }
  expect(group.at(2).status).toBe('normal')
  expect(asked.size).toBeGreaterThan(5)
  expect(most).toBeGreaterThan(1)
  group.run(300)
  expect(checksums(group, 2).slice(0, before.length)).toEqual(before)
  expect(group.state(2)).toBe(group.state(0))
})

test('cut short, it goes on with what is left', () => {
  const { group } = withLog(30)
  group.crash(2)
  damage(group, 2, 3, 25)
  group.start(2)
  while (group.at(2).repair?.runs[0]?.last === 25) {
    group.tick(10)
    group.deliver()
    for (const i of [0, 1, 2]) group.sync(i)
  }
  group.crash(2)
  group.start(2)
  expect(group.at(2).repair?.runs[0]?.last).toBeLessThan(25)
  group.run(2000)
  expect(group.state(2)).toBe(group.state(0))
})

test('a repairing replica gives what it has, and hears and says nothing else', () => {
  const { group } = withLog(20)
  group.crash(0, 1, 2)
  damage(group, 0, 4, 6)
  damage(group, 1, 7, 9)
  group.start(0)
  group.start(1)
  const types = new Set<string>()
  for (let ms = 0; group.at(0).status === 'repairing' && ms < 5000; ms += 10) {
    group.tick(10, 0, 1)
    for (const { message, from } of group.wire) if (from === 0) types.add(message.type)
    group.give([{ from: 1, to: 0, message: { type: 'STARTVIEWCHANGE', viewNumber: 7 as never } }])
    group.deliver()
    for (const i of [0, 1]) group.sync(i)
  }
  expect(group.at(0).viewNumber).toBeLessThan(7)
  expect([...types].sort()).toEqual(['GETENTRIES', 'NEWENTRIES'])
  group.run(3000, 0, 1)
  expect(group.state(0)).toBe(group.state(1))
})

test('several places, one after the other; who is damaged itself gives only what is whole', () => {
  const { group } = withLog(20)
  const before = checksums(group, 0)
  group.crash(0, 1, 2)
  damage(group, 0, 4, 6)
  damage(group, 0, 12)
  damage(group, 1, 5, 9)
  group.start(0)
  group.start(1)
  let given = 0
  const go = (ms: number, ...who: number[]): void => {
    for (let passed = 0; passed < ms; passed += 10) {
      group.tick(10, ...who)
      for (const { message } of group.wire) {
        if (message.type !== 'NEWENTRIES') continue
        given += message.entries.length
        expect(message.entries.filter(({ bytes }) => bytes.length === 1)).toEqual([])
      }
      group.deliver()
      for (const i of who) group.sync(i)
    }
  }
  go(600, 0, 1)
  expect(given).toBe(4)
  // Entries 5 and 6 are whole on r2 only.
  expect([0, 1].map(i => group.at(i).status)).toEqual(['repairing', 'repairing'])
  group.start(2)
  go(3000, 0, 1, 2)
  for (const i of [0, 1, 2]) {
    const { entries } = group.node(i).disk.image
    expect(entries.filter(({ bytes }) => bytes.length === 1)).toEqual([])
    expect(checksums(group, i).slice(0, before.length)).toEqual(before)
    expect(group.at(i).status).toBe('normal')
  }
})

test('another entry at the same op is not taken, and one that is not normal does not count as without', () => {
  const { group } = withLog(5)
  group.crash(2)
  damage(group, 2, 4)
  group.start(2)
  group.tick(200, 2)
  const question = group.take({ type: 'GETENTRIES' })[0]
  if (question?.message.type !== 'GETENTRIES') throw new Error('it asks')
  const { nonce } = question.message
  const other = group.node(0).disk.image.entries[4] as Entry
  const answer = { type: 'NEWENTRIES', nonce, entries: [other] } as const
  group.give([
    { from: 0, to: 2, message: { ...answer, isNormal: false } },
    { from: 1, to: 2, message: { ...answer, isNormal: false } },
    { from: 1, to: 2, message: { ...answer, nonce: nonce + 1, isNormal: true } },
    { from: 1, to: 2, message: { ...answer, isNormal: true } },
    { from: 1, to: 2, message: { ...answer, isNormal: true } },
  ])
  expect(group.at(2).repair).toMatchObject({ isHopeless: false, underWay: undefined })
  expect(group.at(2).repair?.without.size).toBe(1)
  group.give([{ from: 0, to: 2, message: { ...answer, isNormal: true } }])
  expect(group.node(2).events).toContainEqual({ type: 'not-repairable', opNumber: 4 })
})
