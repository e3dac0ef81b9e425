/** chaos.* as callers see it: what is refused, and what a good call puts in. */

import { Ajv } from 'ajv'
import { beforeEach, describe, expect, test } from 'vitest'
import { Chaos } from '../../src/chaos/chaos.ts'
import type { OwnProcess } from '../../src/chaos/own-process.ts'
import { METHODS, methodsWith } from '../../src/rpc/methods/table.ts'
import { openRpcDocument } from '../../src/rpc/openrpc.ts'
import { createRpcServer } from '../../src/rpc/server.ts'
import type { ClusterRecord } from '../../src/storage/port.ts'
import { FakeNode } from '../rpc/fake-node.ts'
import { ask, call, serve } from '../rpc/harness.ts'
import { VirtualClock } from './clock.ts'

const NAMES = [...METHODS.keys()].filter(name => name.startsWith('chaos.'))

const CLUSTER = {
  name: 'n1',
  shards: 2,
  members: ['n1', 'n2', 'n3'].map(name => ({ name, peerId: `peer-${name}`, addresses: [] })),
} as unknown as ClusterRecord

let ends: string[]
let clock: VirtualClock
let chaos: Chaos

beforeEach(() => {
  ends = []
  clock = new VirtualClock()
  const process: OwnProcess = {
    pid: 42,
    hasSupervisor: true,
    commandLine: 'viewstamp start --config c.yaml',
    kill: then => void ends.push(then),
  }
  chaos = new Chaos({ cluster: CLUSTER, process, clock })
})

describe('off, as it is unless configured (V34)', () => {
  test.each(NAMES)('%s', async name => {
    const { url } = await serve()
    for (const params of [{}, { rate: 'x' }, [1, 2, 3, 4, 5, 6]]) {
      const { error } = await call(url, name, params)
      expect(error).toMatchObject({
        code: -32020,
        data: { name: 'CHAOS_DISABLED', outcome: 'none' },
      })
      expect(error.message).toMatch(/^fault injection is off at n1: start it with --chaos/)
    }
  })

  test('it is not offered', async () => {
    const { url } = await serve()
    const { result } = await call(url, 'rpc.discover')
    const page = await ask(url, { method: 'GET', path: '/openrpc.json' })
    for (const document of [result, page.json]) {
      const names = document.methods.map(({ name }: { name: string }) => name)
      expect(names).toContain('kv.put')
      expect(names.filter((name: string) => name.startsWith('chaos.'))).toEqual([])
    }
    expect(NAMES).toHaveLength(10)
  })

  test('a page of another origin, a body that is no JSON: refused before all else', async () => {
    const { url } = await serve({ chaos })
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'chaos.kill' })
    for (const headers of [{ origin: 'http://evil.example' }, { 'content-type': 'text/plain' }]) {
      expect((await ask(url, { body, headers })).status).toBeGreaterThanOrEqual(400)
    }
    expect(ends).toEqual([])
  })
})

test('it does not start where other machines can call', async () => {
  for (const listen of ['0.0.0.0:0', '[::]:0']) {
    const server = createRpcServer({ node: new FakeNode(), listen, insecure: true, chaos })
    await expect(server.start()).rejects.toThrow(/with chaos anybody could break this node/)
  }
})

describe('on', () => {
  test('every method is offered, and its answer is as described', async () => {
    const { url } = await serve({ chaos })
    const document = openRpcDocument(methodsWith(chaos), '0.1.0')
    const ajv = new Ajv({ strict: false, allowUnionTypes: true })
    ajv.addSchema({ $id: 'document', ...JSON.parse(JSON.stringify(document)) })
    const { result } = await call(url, 'rpc.discover')
    expect(result).toEqual(JSON.parse(JSON.stringify(document)))
    const params: Record<string, object> = {
      'chaos.drop': ['n2', 0.5],
      'chaos.delay': { ms: 5 },
      'chaos.slowDisk': [5],
    }
    for (const name of NAMES) {
      const answer = await call(url, name, params[name] ?? {})
      expect(answer.error, name).toBeUndefined()
      const text = JSON.stringify(methodsWith(chaos).get(name)?.result)
      const validate = ajv.compile(JSON.parse(text.replaceAll('"#/', '"document#/')))
      expect(validate(answer.result), `${name} ${JSON.stringify(validate.errors)}`).toBe(true)
    }
  })

  const to = (...peers: string[]) => ({ peers, direction: 'both' })
  test.each([
    ['partition', {}, { kind: 'partition', ...to('n2', 'n3') }],
    ['partition', { peers: 'n3' }, { kind: 'partition', ...to('n3') }],
    ['partition', { from: ['n1', 'n2'], to: ['n3'] }, { kind: 'partition', ...to('n3') }],
    ['partition', { from: 'n2', to: 'n1' }, { kind: 'partition', ...to('n2') }],
    ['partition', ['n1', 'n2'], { kind: 'partition', ...to('n2') }],
    [
      'partition',
      { from: 'n2', to: 'n1', direction: 'out' },
      { kind: 'partition', peers: ['n2'], direction: 'in' },
    ],
    [
      'partition',
      { to: 'n2', direction: 'out', shard: 's1' },
      { kind: 'partition', peers: ['n2'], direction: 'out', shard: 's1' },
    ],
    ['drop', { rate: 0.1 }, { kind: 'drop', rate: 0.1, ...to('n2', 'n3') }],
    ['drop', ['n2', 1], { kind: 'drop', rate: 1, ...to('n2') }],
    ['delay', { peer: ['n3'], ms: 9 }, { kind: 'delay', ms: 9, jitterMs: 0, ...to('n3') }],
    ['pause', { ms: 10 }, { kind: 'pause' }],
    ['slowDisk', { ms: 10 }, { kind: 'slow-disk', ms: 10 }],
  ])('chaos.%s %j', async (name, params, fault) => {
    const { url } = await serve({ chaos })
    const { result } = await call(url, `chaos.${name}`, params)
    expect(result.faults).toMatchObject([{ id: 'f1', fault }])
    expect(result.header.node).toBe('n1')
  })

  test.each([
    ['partition', { to: 'n9' }, 'to', 'to has "n9": the other nodes are n2, n3'],
    [
      'partition',
      { from: 'n2', to: 'n9' },
      'from',
      'there is no node "n9": the nodes are n1, n2, n3',
    ],
    [
      'partition',
      { from: 'n2', to: 'n3' },
      'from',
      'neither from nor to has n1: call one of the nodes named',
    ],
    ['partition', { from: ['n1', 'n2'], to: 'n2' }, 'to', '"n2" is on both sides'],
    ['partition', { to: [] }, 'to', 'to must be the name of a node, or an array of names'],
    ['partition', { direction: 'up' }, 'direction', 'direction must be one of "both", "in", "out"'],
    ['partition', { shard: 's9' }, 'shard', 'there is no shard "s9": the shards are main, s1'],
    ['drop', {}, 'rate', 'rate is missing: share of the frames: 0.1'],
    [
      'drop',
      { rate: 1.5 },
      'rate',
      'rate must be above 0 and at most 1: the share of frames that are lost',
    ],
    ['drop', { rate: 0.5, peer: 'n1' }, 'peer', 'peer has "n1": the other nodes are n2, n3'],
    ['delay', { ms: 0 }, 'ms', 'ms must be an integer of 1 to 86400000'],
    ['pause', { forMs: 1e12 }, 'forMs', 'forMs must be an integer of 1 to 86400000'],
    [
      'kill',
      { node: 'n2' },
      'node',
      'node is "n2" and this is n1: faults are put in by the node itself, so call that one',
    ],
  ])('chaos.%s %j is refused', async (name, params, path, message) => {
    const { url } = await serve({ chaos })
    const { error } = await call(url, `chaos.${name}`, params)
    expect(error).toMatchObject({ code: -32602, message, data: { path, outcome: 'none' } })
    expect(chaos.status().faults).toEqual([])
    expect(ends).toEqual([])
  })

  test('status, resume and heal; a fault with an end ends', async () => {
    const { url } = await serve({ chaos })
    await call(url, 'chaos.pause')
    await call(url, 'chaos.slowDisk', { ms: 5, forMs: 1000 })
    clock.advance(400)
    expect((await call(url, 'chaos.status')).result).toMatchObject({
      node: 'n1',
      paused: true,
      faults: [
        { kind: 'pause', ageMs: 400, leftMs: null },
        { kind: 'slow-disk', leftMs: 600 },
      ],
    })
    expect((await call(url, 'chaos.resume')).result).toMatchObject({ resumed: true, paused: false })
    expect((await call(url, 'chaos.resume')).result).toMatchObject({ resumed: false })
    clock.advance(600)
    expect((await call(url, 'chaos.status')).result.faults).toEqual([])
    await call(url, 'chaos.partition')
    expect((await call(url, 'chaos.heal')).result).toMatchObject({ healed: 1, faults: [] })
  })

  test('kill and restart answer, then end the process', async () => {
    const { url } = await serve({ chaos })
    const run = 'viewstamp start --config c.yaml'
    expect((await call(url, 'chaos.kill')).result).toMatchObject({ pid: 42, comesBack: false, run })
    expect((await call(url, 'chaos.restart')).result).toMatchObject({ comesBack: true, run })
    expect(ends).toEqual(['stay dead', 'come back'])
  })
})
