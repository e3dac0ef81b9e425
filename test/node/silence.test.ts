/** A peer that does not answer: its connection is given up, so that a new one can be made. */
import { expect, test } from 'vitest'
import type { ClusterEvent } from '../../src/node/api.ts'
import { LOOKS_MAX, Silence } from '../../src/node/silence.ts'
import { TestCluster } from '../support/cluster.ts'

const peer = (bytesIn: number, bytesOut: number, connected = true) => ({
  peerId: 'p',
  connected,
  addresses: [],
  bytesIn,
  bytesOut,
  dropped: 0,
})

test('silent is who says nothing at so many looks behind what we said', () => {
  const silence = new Silence()
  const looks = (bytesIn: number, bytesOut: number, count: number) =>
    Array.from({ length: count }, () => silence.look([peer(bytesIn, bytesOut)]).length)
  // Nobody speaks: nothing is owed.
  expect(looks(1, 1, LOOKS_MAX + 5)).not.toContain(1)
  // Every word counts, and one behind the limit is in time.
  expect(looks(1, 2, LOOKS_MAX)).not.toContain(1)
  expect(looks(2, 2, 1)).toEqual([0])
  expect(looks(2, 3, LOOKS_MAX + 1)).toEqual([...Array(LOOKS_MAX).fill(0), 1])
  // Told once; the next connection begins anew.
  expect(looks(2, 3, 1)).toEqual([0])
  silence.look([peer(2, 3, false)])
  expect(looks(2, 4, LOOKS_MAX)).not.toContain(1)
})

test('a node gives up the connection to a peer behind a cut, and has it back when that is healed', async () => {
  const cluster = new TestCluster(3)
  await cluster.start()
  await cluster.put('n1', 'x', 1)
  const events: ClusterEvent[] = []
  cluster.node('n1').watchCluster(event => {
    if (event.kind.startsWith('peer_')) events.push(event)
  })
  cluster.hub.cut('peer-n1', 'peer-n3')
  cluster.hub.cut('peer-n3', 'peer-n1')
  await expect
    .poll(() => events, { timeout: 15_000 })
    .toMatchObject([{ kind: 'peer_down', peer: 'n3' }])
  cluster.hub.heal()
  expect(events).toMatchObject([{ kind: 'peer_down' }, { kind: 'peer_up', peer: 'n3' }])
  await cluster.put('n3', 'x', 2)
  await cluster.stop()
  expect(cluster.failures).toEqual([])
}, 30_000)
