/** Disks that are damaged, put back or copied, and who finds it out. */
import { expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import { Admission, type Daemon, isKnownAsOld } from '../../src/sim/admission.ts'
import { areIntact, audit } from '../../src/sim/audit.ts'
import { copyOf, Disk, emptyImage, type Image } from '../../src/sim/disk.ts'
import { rot } from '../../src/sim/rot.ts'
import { chainOf, daemonOf, lines, writeOf } from './fixtures.ts'

const log = chainOf(lines('put r1 1', 'put r1 2', 'put r1 3', 'put r1 4', 'put r1 5'))
const options = { syncMs: [0, 0], checkpointSlicesMax: 1, keepUnsynced: 0, stall: 0 } as const

function written(): Image {
  const disk = new Disk(emptyImage(), options, new Prng(1))
  disk.submit(writeOf({ append: log }))
  disk.beginSync(0)
  for (const job of disk.endSync()) disk.apply(job)
  return disk.image
}

let pids = 0
function daemon(number: number, image: Image, bootCounter: number, incarnation = 'f'): Daemon {
  return { ...daemonOf(number, image), pid: ++pids, life: { incarnation, bootCounter } }
}

test('whatever rots, the audit or the reader finds it, and nothing else', () => {
  expect(audit(written())).toEqual({})
  const seen = new Set<string>()
  for (let seed = 1; seed <= 60; seed++) {
    const image = written()
    const rotten = rot(image, new Prng(seed), seed % 2 === 0)
    if (rotten === undefined) continue
    seen.add(rotten.what.replace(/n\d+/, 'n'))
    expect(audit(image)).not.toEqual({})
    expect(image.damaged).toBe(true)
  }
  expect(seen.size).toBe(3)
  const image = written()
  image.entries[2] = { ...(log[2] as (typeof log)[number]), bytes: new Uint8Array(3) }
  expect(areIntact(image.entries.slice(0, 2), 1)).toBe(true)
  expect(areIntact(image.entries, 1)).toBe(false)
  expect(areIntact(log, 2)).toBe(false)
})

test('a restarted process is heard, and what its predecessor sent before; nothing that comes after', () => {
  const admission = new Admission()
  const listener = daemon(0, emptyImage(), 1)
  const first = daemon(1, emptyImage(), 1)
  const second = daemon(1, emptyImage(), 2)
  expect(admission.judge(first, listener, 10)).toBeUndefined()
  expect(admission.judge(second, listener, 50)).toBeUndefined()
  expect(admission.judge(first, listener, 20)).toBeUndefined()
  expect(admission.judge(first, listener, 60)?.fence).toBe(true)
})

test('directories put back, new, or copied are refused by whoever has seen more', () => {
  const admission = new Admission()
  const images = [emptyImage(), emptyImage()]
  const [mine, theirs] = images as [Image, Image]
  const listener = daemon(0, mine, 1)
  expect(admission.judge(daemon(1, theirs, 3), listener, 10)).toBeUndefined()
  const isKnown = (bootCounter: number): boolean =>
    isKnownAsOld(images, 1, { image: theirs, life: { incarnation: 'f', bootCounter } })
  expect(isKnown(3)).toBe(true)
  expect(isKnown(4)).toBe(false)
  const reasonOf = (other: Daemon): string | undefined =>
    admission.judge(other, listener, 20)?.reason
  expect(reasonOf(daemon(1, copyOf(theirs), 2))).toContain('rolled back')
  expect(reasonOf(daemon(1, emptyImage(), 1, 'new'))).toContain('viewstamp recover')
  expect(reasonOf(daemon(1, copyOf(theirs), 3))).toContain('same identity and data')
  // A listener that has restarted knows from its disk.
  const again = daemon(0, mine, 2)
  expect(admission.judge(daemon(1, copyOf(theirs), 3), again, 30)?.reason).toContain('copied')
  const recovered = daemon(1, emptyImage(), 1, `r${'0'.repeat(11)}1${'0'.repeat(16)}`)
  expect(reasonOf(recovered)).toBeUndefined()
})

test('a directory put back behind what was promised is refused, whatever its start number', () => {
  const admission = new Admission()
  const [mine, theirs] = [emptyImage(), written()]
  const old = copyOf(theirs)
  const listener = daemon(0, mine, 1)
  const first = daemon(1, theirs, 1)
  expect(admission.judge(first, listener, 10)).toBeUndefined()
  const promised = { viewNumber: 0, lastNormalView: 0, opNumber: 5 }
  admission.note(first, listener, promised, 100)
  first.isOver = true
  const life = { incarnation: 'f', bootCounter: 3 }
  const isKnown = (image: Image): boolean => isKnownAsOld([mine, theirs], 1, { image, life })
  expect(isKnown(emptyImage())).toBe(false)
  // As it was: heard. One entry less: refused by the listener, which has it in memory only.
  expect(admission.judge(daemon(1, old, 2), listener, 200)).toBeUndefined()
  old.entries.pop()
  expect(admission.judge(daemon(1, old, 3), listener, 300)?.reason).toContain('ends at op 4')
  // A second later it is on the listener's disk, too.
  admission.note(first, listener, promised, 1100)
  expect(isKnown(old)).toBe(true)
  expect(isKnown(written())).toBe(false)
  const again = daemon(0, mine, 2)
  expect(admission.judge(daemon(1, old, 3), again, 1200)?.fence).toBe(true)
  old.vsr = { ...old.vsr, cut: true }
  expect(admission.judge(daemon(1, old, 3), again, 1300)).toBeUndefined()
})
