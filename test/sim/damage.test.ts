/** What the model of the audit says of damaged entries, and what is done about them. Decision 0018 */
import { describe, expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import { audit, prepareRepair } from '../../src/sim/audit.ts'
import type { Check } from '../../src/sim/check/check.ts'
import { repairedAsWritten } from '../../src/sim/check/repaired-as-written.ts'
import { whyStuck } from '../../src/sim/check/stuck.ts'
import { applyWrite, copyOf, emptyImage, headOf, type Image } from '../../src/sim/disk.ts'
import { rotApart } from '../../src/sim/rot.ts'
import type { HostView, World } from '../../src/sim/world.ts'
import type { Entry } from '../../src/vr/entry.ts'
import type { Message } from '../../src/vr/message.ts'
import { opNumber, viewNumber } from '../../src/vr/terms.ts'
import { chainOf, lines, worldOf, writeOf } from './fixtures.ts'

const log = chainOf(lines('put r1 1', 'put r1 2', 'put r1 3', 'put r1 4', 'put r1 5', 'put r1 6'))
const at = (op: number): Entry => log[op - 1] as Entry

function written(): Image {
  const image = emptyImage()
  applyWrite(image, writeOf({ append: log }))
  return image
}

function flip(image: Image, ...ops: number[]): Image {
  for (const op of ops) image.entries[op - image.first] = { ...at(op), bytes: new Uint8Array(3) }
  return image
}

test('runs of damaged entries, each with the checksum of its last one', () => {
  const { damage } = audit(flip(written(), 2, 4, 5))
  expect(damage).toEqual({
    head: 6,
    runs: [
      { first: 2, last: 2, checksum: at(2).checksum },
      { first: 4, last: 5, checksum: at(5).checksum },
    ],
  })
})

test('the witness names the head, damaged or gone: neither is taken for a torn end', () => {
  const head = { head: 6, runs: [{ first: 6, last: 6, checksum: at(6).checksum }] }
  expect(audit(flip(written(), 6)).damage).toEqual(head)
  const short = written()
  short.entries.length = 3
  const found = audit(short)
  expect(found.damage?.runs).toEqual([{ first: 4, last: 6, checksum: at(6).checksum }])
  prepareRepair(short, found)
  expect(headOf(short)).toBe(6)
  applyWrite(short, { ...writeOf({}), repair: [at(5), at(6)] })
  expect(audit(short).damage?.runs).toEqual([{ first: 4, last: 4, checksum: at(4).checksum }])
})

test('at or below the checkpoint the log begins behind what is damaged', () => {
  const image = flip(written(), 2)
  image.checkpoint = { ...image.checkpoint, opNumber: at(3).opNumber, checksum: at(3).checksum }
  const found = audit(image)
  expect(found).toEqual({ behind: 2 })
  prepareRepair(image, found)
  expect([image.first, image.start.opNumber, headOf(image)]).toEqual([3, 2, 6])
  expect(audit(image)).toEqual({})
})

test('another head than the witness names is not repaired', () => {
  const image = written()
  image.witness = { opNumber: 6, checksum: at(5).checksum }
  expect(audit(image).lost).toContain('entry 6 is another than it was')
})

test('damage is drawn so that another disk has each entry whole', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const images = [written(), written(), written()]
    const prng = new Prng(seed)
    for (const image of images)
      rotApart(
        image,
        images.filter(other => other !== image),
        prng,
      )
    for (let op = 1; op <= 6; op++) {
      const whole = images.filter(image => image.entries[op - 1]?.bytes === at(op).bytes)
      expect(whole.length).toBeGreaterThan(0)
    }
  }
  expect(rotApart(written(), [copyOf(emptyImage())], new Prng(3))).toEqual([])
})

describe('repaired-as-written', () => {
  const hostOf = (world: World): HostView => world.hosts[0] as HostView

  function withDamage(): { world: World; check: Check } {
    const world = worldOf(3)
    const check = repairedAsWritten(world)
    const { image } = hostOf(world)
    const job = writeOf({ append: log })
    applyWrite(image, job)
    check.durable?.(hostOf(world), job)
    flip(image, 3)
    image.damaged = true
    check.started?.(hostOf(world))
    return { world, check }
  }

  function repair(world: World, check: Check, entry: Entry): void {
    const job = { ...writeOf({}), repair: [entry] }
    applyWrite(hostOf(world).image, job)
    check.durable?.(hostOf(world), job)
  }

  const ack: Message = { type: 'PREPAREOK', viewNumber: viewNumber(0), opNumber: opNumber(6) }

  test('another entry than was written', () => {
    const { world, check } = withDamage()
    const other = { ...at(3), checksum: at(2).checksum }
    expect(() => repair(world, check, other)).toThrow('repairs op 3 with')
  })

  test('a promise before all is whole, none afterwards', () => {
    const { world, check } = withDamage()
    expect(() => check.sent?.(hostOf(world), 1, ack)).toThrow(
      'sends PREPAREOK, with entries damaged',
    )
    repair(world, check, at(3))
    check.sent?.(hostOf(world), 1, ack)
  })

  test('what is damaged behind the start is for the next start to find (seed 862)', () => {
    const { world, check } = withDamage()
    flip(hostOf(world).image, 1)
    repair(world, check, at(3))
    check.sent?.(hostOf(world), 1, ack)
    check.started?.(hostOf(world))
    expect(() => check.sent?.(hostOf(world), 1, ack)).toThrow('with entries damaged')
  })

  test('given up while others may have it', () => {
    const { world, check } = withDamage()
    const nonce = 7
    const repairing = { nonce, isHopeless: true, runs: [{}] }
    const host = { ...hostOf(world), replica: { repair: repairing } } as unknown as HostView
    const answer: Message = { type: 'NEWENTRIES', nonce, entries: [], isNormal: true }
    const answers = (i: number, status: string): void =>
      check.sent?.({ ...world.hosts[i], replica: { status } } as HostView, 0, answer)
    answers(1, 'normal')
    answers(2, 'view-change')
    expect(() => check.failed?.(host)).toThrow('gives up; 1 normal')
    answers(2, 'normal')
    check.failed?.(host)
  })

  test('no reason to be stuck, unless nobody has it', () => {
    const { world } = withDamage()
    for (const { image } of world.hosts) Object.assign(image, copyOf(hostOf(world).image))
    expect(whyStuck(world)).toContain('0 of 3 are left')
    const last = world.hosts[2] as HostView
    last.image.entries[2] = at(3)
    expect(whyStuck(world)).toBeUndefined()
  })
})
