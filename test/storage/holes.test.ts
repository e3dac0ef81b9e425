/** Where what was deleted lies: ranges that do not overlap, and how much is in them. */
import { expect, test } from 'vitest'
import { type Hole, Holes, holeIn } from '../../src/storage/holes.ts'

const key = (n: number): Buffer => Buffer.of(n)
const hole = (first: number, last: number, dead: number): Hole => ({
  gte: key(first),
  lte: key(last),
  dead,
})
const shown = (holes: Holes) => holes.list.map(({ gte, lte, dead }) => [gte[0], lte[0], dead])

test('of keys in order, the dead ones and the part that they are of those between them', () => {
  const keys = [1, 2, 3, 4, 5, 6, 7, 8].map(key)
  expect(holeIn(keys, [])).toBeUndefined()
  expect(holeIn(keys, [key(3)])).toEqual({ gte: key(3), lte: key(3), share: 1 })
  expect(holeIn(keys, [2, 3, 4].map(key))).toEqual({ gte: key(2), lte: key(4), share: 1 })
  expect(holeIn(keys, [2, 5].map(key))).toEqual({ gte: key(2), lte: key(5), share: 0.5 })
  // Found of the slice before: no key of this one.
  expect(holeIn([], [key(9)])).toEqual({ gte: key(9), lte: key(9), share: 1 })
})

test('holes are kept in order, and become one where they overlap', () => {
  const holes = new Holes()
  for (const each of [hole(50, 60, 5), hole(10, 20, 1), hole(30, 40, 3)]) holes.add(each)
  expect(shown(holes)).toEqual([
    [10, 20, 1],
    [30, 40, 3],
    [50, 60, 5],
  ])
  holes.add(hole(40, 50, 7))
  expect(shown(holes)).toEqual([
    [10, 20, 1],
    [30, 60, 15],
  ])
  holes.add(hole(35, 36, 1))
  holes.add(hole(21, 29, 1))
  holes.add(hole(5, 70, 1))
  expect(shown(holes)).toEqual([[5, 70, 19]])
  expect(holes.dead).toBe(19)
  holes.clear()
  expect([holes.dead, holes.list]).toEqual([0, []])
})
