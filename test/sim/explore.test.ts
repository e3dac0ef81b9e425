/** The exhaustive corner: the sound protocol breaks nothing in what is looked at, and a step leaves its cell alone. */
import { expect, test } from 'vitest'
import { textOfReplica } from '../../src/sim/explore/canonical.ts'
import { newCell, perform, settingOf } from '../../src/sim/explore/cell.ts'
import { Space } from '../../src/sim/explore/space.ts'
import { CORNER, explore } from '../../src/sim/explore.ts'

test('20 000 states of the corner break no property, crash and slow disks included', () => {
  const result = explore(CORNER, { states: 20_000, isOver: () => false })
  expect(result.violation).toBeUndefined()
  expect(result.states).toBe(20_000)
})

test('a corner in which nothing may happen is complete', () => {
  const nothing = { ...CORNER, commands: 0, repeats: 0, crashes: 0, views: 0, heartbeats: false }
  const result = explore(nothing, { states: 1000, isOver: () => false })
  expect(result).toMatchObject({ isComplete: true, violation: undefined })
  expect(result.states).toBeGreaterThan(1)
})

test('a deed makes another cell and leaves the one it is done to as it was', () => {
  const setting = settingOf(3, false)
  const cell = newCell(1, setting)
  const before = cell.replica && textOfReplica(cell.replica)
  const { cell: later, sent } = perform(cell, { type: 'tick', long: true }, setting)
  expect(sent.map(({ message }) => message.type)).toEqual(['STARTVIEWCHANGE', 'STARTVIEWCHANGE'])
  expect(later.text).not.toBe(cell.text)
  expect(cell.replica && textOfReplica(cell.replica)).toBe(before)
})

test('what happened when is told apart only by what a timer sees', () => {
  const setting = settingOf(3, true)
  const cell = newCell(0, setting)
  const short = perform(cell, { type: 'tick', long: false }, setting).cell
  expect(perform(short, { type: 'tick', long: false }, setting).cell.text).toBe(short.text)
})

test('a state is known again whatever the order of its messages, and comes back as it was', () => {
  const space = new Space(3, 10)
  const state = { cells: [1, 2, 3], committed: 4, used: 5, messages: [7, 9] }
  expect(space.add({ ...state, messages: [] }, undefined, [])).toBe(true)
  expect(space.add(state, { from: 0, replica: 1, deed: 2 }, [7, 9])).toBe(true)
  expect(space.add({ ...state, messages: [9, 7] }, undefined, [9, 7])).toBe(false)
  expect(space.state(1)).toEqual(state)
  expect(space.step(1)).toEqual({ from: 0, replica: 1, deed: 2 })
})
