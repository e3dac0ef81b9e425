/** The network port with faults, over a network in memory whose frames are delivered by hand. */
import { beforeEach, expect, test } from 'vitest'
import type { Fault } from '../../src/chaos/api.ts'
import { Faults } from '../../src/chaos/faults.ts'
import { Gate } from '../../src/chaos/gate.ts'
import { ChaosNetwork } from '../../src/chaos/network.ts'
import { MemoryHub } from '../../src/network/memory.ts'
import type { Network } from '../../src/network/port.ts'
import { WIRE_VERSION } from '../../src/wire/codec.ts'
import { VirtualClock } from './clock.ts'

let hub: MemoryHub
let clock: VirtualClock
let faults: Faults
let gate: Gate
let here: ChaosNetwork
let far: Network
/** What the node behind the faults was told, and what the other one got. */
let told: string[]
let got: string[]

const MEMBERS = ['p1', 'p2'].map(peerId => ({ peerId, addresses: [] }))
const frame = (text: string): Uint8Array => Uint8Array.from([9, ...Buffer.from(text)])
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(1)).toString()
/** As the protocol's frames begin: version, type, shard. */
const ofShard = (shard: number, text: string): Uint8Array =>
  Uint8Array.from([WIRE_VERSION, 0, shard, 0, 0, 0, ...Buffer.from(text)])

beforeEach(async () => {
  hub = new MemoryHub({ delivery: 'manual' })
  clock = new VirtualClock()
  faults = new Faults(clock, () => 0.5)
  gate = new Gate()
  const nameOf = (peer: string): string => peer.replace('p', 'n')
  here = new ChaosNetwork(hub.network('p1'), { faults, gate, clock, nameOf })
  far = hub.network('p2')
  told = []
  got = []
  here.setMembers(MEMBERS)
  far.setMembers(MEMBERS)
  await here.start({
    frame: (from, bytes) => told.push(`${from}:${textOf(bytes)}`),
    up: peer => told.push(`up ${peer}`),
    down: peer => told.push(`down ${peer}`),
  })
  await far.start({
    frame: (_, bytes) => got.push(textOf(bytes)),
    up: () => {},
    down: () => {},
  })
  expect(told.splice(0)).toEqual(['up p2'])
})

/** One frame each way, with what that brings. */
function talk(text: string): void {
  here.send('p2', frame(text))
  far.send('p1', frame(text))
  hub.deliver()
}

const cut = (direction: 'both' | 'in' | 'out', shard?: string): Fault => ({
  kind: 'partition',
  peers: ['n2'],
  direction,
  shard,
})

test('without a fault nothing is changed, nor copied', () => {
  talk('a')
  expect([got, told]).toEqual([['a'], ['p2:a']])
  expect(clock.timers).toBe(0)
})

test.each([
  ['both', [], []],
  ['in', ['a'], []],
  ['out', [], ['p2:a']],
] as const)('cut %s', (direction, sent, received) => {
  faults.inject(cut(direction))
  talk('a')
  expect([got, told]).toEqual([sent, received])
  faults.heal()
  talk('b')
  expect([got, told]).toEqual([
    [...sent, 'b'],
    [...received, 'p2:b'],
  ])
})

test('a connection that exists outlives a cut; none is made through it', () => {
  faults.inject(cut('in'))
  expect(here.peers()).toMatchObject([{ peerId: 'p2', connected: true }])
  hub.partition(['p1'], ['p2'])
  expect(told).toEqual(['down p2'])
  hub.heal()
  expect(told).toEqual(['down p2'])
  expect(here.peers()).toMatchObject([{ peerId: 'p2', connected: false }])
  faults.heal()
  expect(told).toEqual(['down p2', 'up p2'])
  expect(here.peers()).toMatchObject([{ peerId: 'p2', connected: true }])
})

test('a cut of one shard: the other shards and small questions get through', () => {
  faults.inject(cut('both', 's1'))
  for (const [shard, text] of [
    [0, 'main'],
    [1, 's1'],
  ] as const) {
    here.send('p2', ofShard(shard, text))
  }
  here.sendBulk('p2', frame('ask'))
  hub.deliver()
  expect(got.map(text => text.slice(-4))).toEqual(['main', 'ask'])
})

test('delayed frames come in order, each way, when they are due', () => {
  faults.inject({ kind: 'delay', peers: ['n2'], direction: 'both', ms: 20, jitterMs: 0 })
  talk('a')
  clock.advance(10)
  talk('b')
  clock.advance(9)
  hub.deliver()
  expect([got, told]).toEqual([[], []])
  clock.advance(1)
  hub.deliver()
  expect([got, told]).toEqual([['a'], ['p2:a']])
  // Healed: what comes now does not overtake what is on its way.
  faults.heal()
  talk('c')
  expect([got, told]).toEqual([['a'], ['p2:a']])
  clock.advance(10)
  hub.deliver()
  expect([got, told]).toEqual([
    ['a', 'b', 'c'],
    ['p2:a', 'p2:b', 'p2:c'],
  ])
  expect(clock.timers).toBe(0)
})

test('what is on its way is lost with the connection, and with a cut', () => {
  const delay: Fault = { kind: 'delay', peers: ['n2'], direction: 'in', ms: 20, jitterMs: 0 }
  faults.inject(delay)
  talk('a')
  hub.partition(['p1'], ['p2'])
  hub.heal()
  clock.advance(100)
  expect(told).toEqual(['down p2', 'up p2'])
  talk('b')
  faults.inject(cut('in'))
  clock.advance(100)
  faults.heal()
  expect(told).toEqual(['down p2', 'up p2'])
})

test('a paused node hears nothing and sends nothing; both go on in order', () => {
  gate.close()
  talk('a')
  hub.partition(['p1'], ['p2'])
  hub.heal()
  talk('b')
  expect([got, told]).toEqual([[], []])
  gate.open()
  hub.deliver()
  expect(told).toEqual(['p2:a', 'down p2', 'up p2', 'p2:b'])
  expect(got).toEqual(['a', 'b'])
})

test('a frame that waits is not the buffer of the stream, which is used again', () => {
  gate.close()
  const bytes = frame('a')
  far.send('p1', bytes)
  hub.deliver()
  const own = frame('x')
  here.send('p2', own)
  own.fill(0)
  gate.open()
  hub.deliver()
  expect([told, got]).toEqual([['p2:a'], ['x']])
})
