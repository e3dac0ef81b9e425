/** What nodes remember of each other's promises, and tell of their own: `src/node/promises.ts`. */
import { expect, test } from 'vitest'
import type { Json } from '../../src/base/json.ts'
import { Promises } from '../../src/node/promises.ts'
import type { Message } from '../../src/vr/message.ts'
import { JUMP_MAX } from '../../src/vr/sound.ts'
import type { Replica } from '../../src/vr/state.ts'

interface Standing {
  view: number
  normal: number
  op: number
  recovering?: true
  isStandby?: true
}

/** Of each shard only what is looked at. */
function promises(shards: readonly Standing[]) {
  const noted: string[] = []
  const told: Json[] = []
  const replicaOf = ({ view, normal, op, recovering, isStandby }: Standing, shard: number) =>
    ({
      shard,
      replicaNumber: isStandby ? 3 : 0,
      configuration: { replicaCount: 3 },
      viewNumber: view,
      durableOp: op,
      durableVsr: { viewNumber: view, lastNormalView: normal, ...(recovering && { recovering }) },
      log: { base: { opNumber: op }, entries: [] },
    }) as unknown as Replica
  const it = new Promises({
    replicas: () => shards.map(replicaOf),
    note: (peer, shard, { viewNumber, lastNormalView, opNumber }) =>
      noted.push(`${peer} ${shard} v${viewNumber} v'${lastNormalView} n${opNumber}`),
    tell: what => void told.push(what),
  })
  return { it, noted, told }
}

test('a standby promises nothing, and is held to nothing', () => {
  const { it, told } = promises([{ view: 1, normal: 1, op: 5, isStandby: true }])
  it.tick()
  expect(told).toEqual([])
})

test('tells what has changed, and now and then everything', () => {
  const shards: Standing[] = [
    { view: 1, normal: 1, op: 5 },
    { view: 2, normal: 1, op: 7 },
  ]
  const { it, told } = promises(shards)
  it.tick()
  it.tick()
  expect(told).toEqual([
    {
      rows: [
        [0, 1, 1, 5],
        [1, 2, 1, 7],
      ],
    },
  ])
  shards[1] = { view: 2, normal: 2, op: 8 }
  it.tick()
  expect(told.at(-1)).toEqual({ rows: [[1, 2, 2, 8]] })
  for (let i = 0; i < 7; i++) it.tick()
  expect(told).toHaveLength(2)
  it.tick()
  expect(told.at(-1)).toMatchObject({ rows: { length: 2 } })
})

test('one that recovers has promised nothing', () => {
  const { it, told } = promises([{ view: 3, normal: 0, op: 9, recovering: true }])
  it.tick()
  expect(told).toEqual([])
})

test('notes what messages and nodes say, and nothing that makes no sense', () => {
  const { it, noted } = promises([
    { view: 1, normal: 1, op: 5 },
    { view: 0, normal: 0, op: 0 },
  ])
  it.heard('p2', 0, { type: 'PREPAREOK', viewNumber: 1, opNumber: 6 } as Message)
  it.heard('p2', 0, { type: 'STARTVIEWCHANGE', viewNumber: 1 } as Message)
  it.heard('p2', 2, { type: 'PREPAREOK', viewNumber: 1, opNumber: 6 } as Message)
  it.heard('p2', 0, { type: 'PREPAREOK', viewNumber: 2 * JUMP_MAX, opNumber: 6 } as Message)
  it.told('p3', { rows: [[1, 4, 3, 9]] })
  const nonsense: Json[] = [null, 7, {}, { rows: 7 }, { rows: [7, null, ['x', 1, 1, 1]] }]
  for (const params of nonsense) it.told('p3', params)
  it.told('p3', {
    rows: [
      [0, 1, 2, 9],
      [0, 1, 1, -1],
    ],
  })
  it.told('p3', { rows: [[0, 1, 1, 2 * JUMP_MAX], [9, 1, 1, 1], []] })
  // No more rows than there are shards.
  it.told('p3', {
    rows: [
      [9, 1, 1, 1],
      [9, 1, 1, 1],
      [0, 1, 1, 1],
    ],
  })
  expect(noted).toEqual(["p2 0 v1 v'1 n6", "p3 1 v4 v'3 n9"])
})
