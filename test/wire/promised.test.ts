/** What a directory must hold of what its replica promised: `src/wire/promised.ts`. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Message } from '../../src/vr/message.ts'
import {
  forgotten,
  type Promised,
  promiseIn,
  raised,
  type Standing,
} from '../../src/wire/promised.ts'

const promise = (viewNumber: number, lastNormalView: number, opNumber: number): Promised => ({
  viewNumber,
  lastNormalView,
  opNumber,
})

test.each<[string, Promised, Standing['log'], Promised, string | undefined]>([
  ['as promised', promise(3, 3, 9), 'kept', promise(3, 3, 9), undefined],
  ['more was written than promised', promise(3, 3, 9), 'kept', promise(3, 3, 7), undefined],
  ['acknowledged ops are missing', promise(3, 3, 7), 'kept', promise(3, 3, 9), 'op 7.*op 9'],
  ['a promised view is missing', promise(3, 3, 9), 'kept', promise(4, 3, 9), 'view 3.*view 4'],
  ['the log of a view is missing', promise(4, 2, 9), 'kept', promise(4, 4, 3), 'view 2.*view 4'],
  ['a later view began with a shorter log', promise(4, 4, 5), 'kept', promise(3, 3, 9), undefined],
  [
    'a later view cut it, and began elsewhere',
    promise(5, 3, 6),
    'cut',
    promise(5, 3, 9),
    undefined,
  ],
  ['on its way into a later view, whole', promise(5, 3, 9), 'kept', promise(3, 3, 9), undefined],
  // As after the start of a primary that was put back and enters the next view, alone.
  ['on its way, with ops missing', promise(4, 3, 7), 'kept', promise(3, 3, 9), 'op 7.*op 9'],
  ['it knows that it forgot', promise(0, 0, 0), 'recovering', promise(3, 3, 9), undefined],
])('%s', (_, disk, log, promised, lacking) => {
  const what = forgotten({ ...disk, log }, promised)
  if (lacking === undefined) expect(what).toBeUndefined()
  else expect(what).toMatch(new RegExp(lacking))
})

const promises = fc
  .tuple(fc.nat(5), fc.nat(5), fc.nat(9))
  .map(([v, normal, op]) => promise(Math.max(v, normal), normal, op))

test('what is raised holds both, and nothing that neither of them held', () => {
  fc.assert(
    fc.property(promises, promises, promises, (a, b, disk) => {
      const both = raised(a, b)
      const lacks = (p: Promised): boolean => forgotten({ ...disk, log: 'kept' }, p) !== undefined
      expect(lacks(both)).toBe(lacks(a) || lacks(b))
      expect(raised(both, a)).toBe(both)
      expect(raised(b, a)).toEqual(both)
    }),
  )
})

test('a disk that went on from what was promised never lacks it', () => {
  type Deed = 'append' | 'enter' | 'install' | 'cut'
  const deeds = fc.array(
    fc.tuple(fc.constantFrom<Deed>('append', 'enter', 'install', 'cut'), fc.nat(9)),
  )
  fc.assert(
    fc.property(deeds, done => {
      let disk: Standing = { ...promise(0, 0, 0), log: 'kept' }
      let promised: Promised | undefined
      for (const [deed, op] of done) {
        disk = after(disk, deed, op)
        promised = raised(promised, disk)
        expect(forgotten(disk, promised)).toBeUndefined()
      }
    }),
  )
  function after(disk: Standing, deed: Deed, op: number): Standing {
    const { viewNumber, lastNormalView, opNumber } = disk
    const isNormal = viewNumber === lastNormalView
    switch (deed) {
      case 'append':
        return isNormal ? { ...disk, opNumber: opNumber + 1 } : disk
      case 'enter':
        return { ...disk, viewNumber: viewNumber + 1 }
      case 'install':
        return isNormal ? disk : { ...promise(viewNumber, viewNumber, op), log: 'kept' }
      case 'cut':
        return isNormal ? disk : { ...disk, opNumber: Math.min(opNumber, op), log: 'cut' }
    }
  }
})

test.each([
  ['PREPAREOK', { viewNumber: 2, opNumber: 7 }, promise(2, 2, 7)],
  ['COMMITOK', { viewNumber: 2, opNumber: 7 }, promise(2, 2, 7)],
  ['DOVIEWCHANGE', { viewNumber: 3, lastNormalView: 2, opNumber: 7 }, promise(3, 2, 7)],
  // Sent before its entries are on the sender's disk.
  ['PREPARE', { viewNumber: 2, entry: { opNumber: 7 } }, promise(2, 2, 0)],
  ['COMMIT', { viewNumber: 2, opNumber: 7 }, promise(2, 2, 0)],
  ['STARTVIEW', { viewNumber: 2, opNumber: 7 }, promise(2, 2, 0)],
  ['STARTVIEWCHANGE', { viewNumber: 2 }, undefined],
  ['RECOVERYRESPONSE', { viewNumber: 2 }, undefined],
])('what %s promises', (type, fields, promised) => {
  expect(promiseIn({ type, ...fields } as unknown as Message)).toEqual(promised)
})
