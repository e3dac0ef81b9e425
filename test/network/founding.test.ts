import { afterEach, describe, expect, test } from 'vitest'
import { type FoundedRecord, foundCluster } from '../../src/network/founding.ts'
import type { FoundingDoc } from '../../src/network/founding-core.ts'
import { type Identity, newIdentity } from '../../src/network/identity.ts'
import type { Libp2pNetwork } from '../../src/network/libp2p.ts'
import { silent } from '../../src/network/log.ts'
import { createNetwork, freePort, stopAll, until } from './cluster.ts'

afterEach(stopAll)

interface Founding {
  readonly network: Libp2pNetwork
  /** What is on its disk. */
  readonly disk: { doc?: unknown; record?: FoundedRecord }
  readonly result: Promise<FoundedRecord>
}

interface FounderOptions {
  readonly name: string
  readonly identity?: Identity
  readonly expect?: number
  readonly clusterId?: string
  readonly peers?: readonly string[]
  readonly listen?: readonly string[]
  readonly members?: readonly { name: string; peerId: string; addresses: readonly string[] }[]
  readonly disk?: Founding['disk']
  readonly signal?: AbortSignal
  /** Called before a promise is on disk; throwing there is a crash. */
  readonly onPersist?: (doc: FoundingDoc) => void
}

async function startFounder(options: FounderOptions): Promise<Founding> {
  const network = await createNetwork({
    identity: options.identity ?? newIdentity(),
    discoveryPeers: options.peers ?? [],
    ...(options.listen && { listen: options.listen }),
  })
  const disk = options.disk ?? {}
  const result = foundCluster({
    transport: network.founding,
    name: options.name,
    clusterId: options.clusterId ?? 'demo',
    shards: 1,
    expect: options.expect ?? 3,
    members: options.members,
    log: silent,
    signal: options.signal,
    loadPromise: async () => disk.doc,
    persistPromise: async doc => {
      options.onPersist?.(doc)
      disk.doc = JSON.parse(JSON.stringify(doc))
    },
    onFounded: async record => {
      disk.record = record
    },
  })
  result.catch(() => {})
  return { network, disk, result }
}

/** n1 listens on a known port, the others know only that. */
async function bootstrap(): Promise<{ listen: readonly string[]; peers: readonly string[] }> {
  const listen = [`/ip4/127.0.0.1/tcp/${await freePort()}`]
  return { listen, peers: listen }
}

/** As the daemon does after founding. */
async function goOn({ network, disk }: Founding): Promise<string[]> {
  const { record } = disk
  if (record === undefined) return expect.unreachable()
  const seen = new Map(record.members.map(m => [m.peerId, { incarnation: m.incarnation, boot: 0 }]))
  const events: string[] = []
  network.introduce({
    ...record,
    bootCounter: 1,
    standing: [],
    peerSeen: peer => seen.get(peer),
    notePeer: async (peer, now) => void seen.set(peer, now),
  })
  network.setMembers(record.members)
  await network.start({
    frame: () => {},
    up: peer => events.push(`up ${peer}`),
    down: peer => events.push(`down ${peer}`),
  })
  return events
}

describe('founding over libp2p', () => {
  test('three nodes that know one of them agree on one list, and then connect as members', async () => {
    const { listen, peers } = await bootstrap()
    const nodes = [
      await startFounder({ name: 'n1', listen }),
      await startFounder({ name: 'n2', peers }),
      await startFounder({ name: 'n3', peers }),
    ]
    const records = await Promise.all(nodes.map(node => node.result))
    for (const record of records) {
      expect(record.foundingId).toBe(records[0]?.foundingId)
      expect(record.members).toEqual(records[0]?.members)
      expect(record.incarnation).toMatch(/^[0-9a-f]{16}$/)
    }
    expect(records[0]?.members.map(member => member.name).sort()).toEqual(['n1', 'n2', 'n3'])
    const events = await Promise.all(nodes.map(goOn))
    await until('all are up', () => events.every(list => list.length === 2))
  })

  test('one node is a cluster of its own', async () => {
    const node = await startFounder({ name: 'n1', expect: 1 })
    expect((await node.result).members.length).toBe(1)
  })

  test('configured members need no discovery, and strangers are not let in', async () => {
    const ports = [await freePort(), await freePort()]
    const identities = [newIdentity(), newIdentity()]
    const members = ports.map((port, i) => ({
      name: `n${i + 1}`,
      peerId: identities[i]?.peerId ?? '',
      addresses: [`/ip4/127.0.0.1/tcp/${port}`],
    }))
    const start = async (i: number): Promise<Founding> =>
      startFounder({
        name: `n${i + 1}`,
        members,
        identity: identities[i] ?? newIdentity(),
        listen: members[i]?.addresses ?? [],
      })
    const first = await start(0)
    const stranger = await startFounder({ name: 'x', peers: members[0]?.addresses ?? [] })
    await expect(stranger.result).rejects.toMatchObject({ reason: 'not-a-member' })
    const second = await start(1)
    expect((await first.result).foundingId).toBe((await second.result).foundingId)
  })

  test('founders that expect different numbers both stop with a sentence', async () => {
    const { listen, peers } = await bootstrap()
    const a = await startFounder({ name: 'n1', listen, expect: 2 })
    const b = await startFounder({ name: 'n2', peers, expect: 3 })
    for (const { result } of [a, b]) {
      await expect(result).rejects.toMatchObject({
        reason: 'disagreement',
        message: expect.stringContaining('--bootstrap-expect'),
      })
    }
  })

  test('four candidates for three never found two clusters', async () => {
    const { listen, peers } = await bootstrap()
    const nodes = [await startFounder({ name: 'n1', listen })]
    for (const name of ['n2', 'n3', 'n4']) nodes.push(await startFounder({ name, peers }))
    const results = await Promise.allSettled(nodes.map(node => node.result))
    const founded = results.flatMap(r => (r.status === 'fulfilled' ? [r.value.foundingId] : []))
    expect(new Set(founded).size).toBeLessThanOrEqual(1)
    expect([0, 3]).toContain(founded.length)
    for (const result of results) {
      if (result.status === 'rejected')
        expect(result.reason).toMatchObject({ name: 'NetworkError' })
    }
  })

  test('a founder that crashes after its promise goes on where it was', async () => {
    const { listen, peers } = await bootstrap()
    const a = await startFounder({ name: 'n1', expect: 2, listen })
    const identity = newIdentity()
    const disk = {}
    // The promise reaches the disk, and the process dies before it says so.
    let wrote: () => void = () => {}
    const written = new Promise<void>(resolve => {
      wrote = resolve
    })
    const network = await createNetwork({ identity, discoveryPeers: peers })
    foundCluster({
      transport: network.founding,
      name: 'n2',
      clusterId: 'demo',
      shards: 1,
      expect: 2,
      log: silent,
      loadPromise: async () => undefined,
      persistPromise: doc => {
        Object.assign(disk, { doc: JSON.parse(JSON.stringify(doc)) })
        if (doc.promised === undefined) return Promise.resolve()
        wrote()
        return new Promise(() => {})
      },
      onFounded: async () => {},
    }).catch(() => {})
    await written
    await network.stop()
    const again = await startFounder({ name: 'n2', expect: 2, identity, disk, peers })
    expect((await again.result).foundingId).toBe((await a.result).foundingId)
  })

  test('a wiped member of a founded cluster is told so', async () => {
    const { listen, peers } = await bootstrap()
    const identity = newIdentity()
    const a = await startFounder({ name: 'n1', expect: 2, listen })
    const b = await startFounder({ name: 'n2', expect: 2, identity, peers })
    const { incarnation } = await b.result
    await a.result
    await goOn(a)
    await b.network.stop()
    const wiped = await startFounder({ name: 'n2', expect: 2, identity, peers })
    await expect(wiped.result).rejects.toMatchObject({
      reason: 'wiped',
      message: expect.stringContaining(incarnation),
    })
  })

  test('can be cancelled', async () => {
    const abort = new AbortController()
    const node = await startFounder({ name: 'n1', signal: abort.signal })
    abort.abort()
    await expect(node.result).rejects.toMatchObject({ reason: 'cancelled' })
  })
})
