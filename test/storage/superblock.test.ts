/** The superblock survives every way a write can be cut short, and says so when it did not survive. */
import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { digest } from '../../src/base/hash.ts'
import { Damage, UnknownFormat } from '../../src/storage/refusal.ts'
import type { Superblock } from '../../src/storage/superblock.ts'
import {
  COPIES,
  COPY_BYTES,
  chooseCopy,
  digestOf,
  encodeCopy,
  SHARDS_MAX,
  SUPERBLOCK_BYTES,
} from '../../src/storage/superblock.ts'
import { SuperblockFile } from '../../src/storage/superblock-file.ts'
import { at, CLUSTER, directory, genesis, vsr } from './build.ts'

const floorAt = (view: number): Superblock['floors'][number] => ({
  vsr: vsr(view),
  witness: { opNumber: 10 * view, checksum: genesis() },
  manifestSequence: view + 1,
})

const make = (sequence: number, parent: string): Superblock => ({
  sequence,
  parent,
  bootCounter: 7,
  clean: false,
  cluster: CLUSTER,
  floors: [floorAt(sequence), floorAt(sequence + 1)],
})

/** Four copies, each of the sequence given for it; 0 is nothing. */
function image(...sequences: number[]): Uint8Array {
  const copies: Uint8Array[] = [new Uint8Array(0)]
  for (let sequence = 1; sequence <= 4; sequence++) {
    const parent = sequence === 1 ? '0'.repeat(32) : digestOf(at(copies, sequence - 1))
    copies.push(encodeCopy(make(sequence, parent)))
  }
  const file = new Uint8Array(SUPERBLOCK_BYTES)
  for (const [i, sequence] of sequences.entries()) file.set(at(copies, sequence), i * COPY_BYTES)
  return file
}

describe('which copy counts', () => {
  test('all of it comes back', () => {
    const { superblock, lagging } = chooseCopy(image(1, 1, 1, 1))
    expect(superblock).toEqual(make(1, '0'.repeat(32)))
    expect(lagging).toEqual([])
  })

  test.each([
    ['nothing written yet', [2, 2, 2, 2], 2, []],
    ['one copy of the next', [3, 2, 2, 2], 2, [0]],
    ['two copies of the next', [3, 3, 2, 2], 3, [2, 3]],
    ['three copies of the next', [3, 3, 3, 2], 3, [3]],
    ['a damaged copy beside three', [2, 0, 2, 2], 2, [1]],
    ['two damaged copies beside two', [0, 2, 0, 2], 2, [0, 2]],
    ['a copy of the next, and one damaged', [3, 0, 2, 2], 2, [0, 1]],
    ['copies that were never reached', [3, 3, 2, 1], 3, [2, 3]],
  ])('%s', (_name, sequences, chosen, lagging) => {
    const choice = chooseCopy(image(...sequences))
    expect(choice.superblock.sequence).toBe(chosen)
    expect(choice.lagging).toEqual(lagging)
  })

  test.each([
    ['nothing', [0, 0, 0, 0]],
    ['a single copy', [0, 2, 0, 0]],
    ['all different', [4, 3, 2, 1]],
    ['a newer copy that does not follow: what lies between is lost', [4, 0, 2, 2]],
  ])('no guess from %s', (_name, sequences) => {
    expect(() => chooseCopy(image(...sequences))).toThrow(Damage)
  })

  test('no guess between two of one sequence', () => {
    const file = image(2, 2, 0, 0)
    const fork = encodeCopy({ ...make(2, '1'.repeat(32)), bootCounter: 8 })
    for (const i of [2, 3]) file.set(fork, i * COPY_BYTES)
    expect(() => chooseCopy(file)).toThrow(Damage)
  })

  test.each([1, 3])('another format, %i, is named, not called damage', format => {
    const copy = Buffer.from(encodeCopy(make(2, '1'.repeat(32))))
    copy.writeUInt16LE(format, 8)
    copy.write(digest(copy.subarray(0, -16)), copy.length - 16, 'hex')
    const file = new Uint8Array(SUPERBLOCK_BYTES)
    for (let i = 0; i < COPIES; i++) file.set(copy, i * COPY_BYTES)
    expect(() => chooseCopy(file)).toThrow(UnknownFormat)
  })

  test('any bit flipped in two copies leaves the other two', () => {
    const whole = image(2, 2, 2, 2)
    const { length } = encodeCopy(make(2, '0'.repeat(32)))
    for (let byte = 0; byte < length; byte += 3) {
      const file = whole.slice()
      for (const copy of [1, 2]) {
        const place = copy * COPY_BYTES + byte
        file[place] = at([...file.subarray(place, place + 1)], 0) ^ (1 << (byte & 7))
      }
      expect(chooseCopy(file).lagging).toEqual([1, 2])
    }
  })

  test('as many shards as are allowed fit', () => {
    const floors = Array.from({ length: SHARDS_MAX }, () => floorAt(1))
    expect(encodeCopy({ ...make(1, '0'.repeat(32)), floors }).length).toBeLessThan(COPY_BYTES)
  })
})

describe('a write that is cut short', () => {
  /** The file after the first `whole` copies were written and those after torn at byte `cut`. */
  function torn(before: Uint8Array, after: Uint8Array, tear: Tear): Uint8Array {
    const file = before.slice()
    const put = (copy: number, length: number): void => {
      const from = copy * COPY_BYTES
      file.set(after.subarray(from, from + length), from)
    }
    for (let copy = 0; copy < tear.whole; copy++) put(copy, COPY_BYTES)
    for (const copy of tear.torn) put(copy, tear.cut)
    return file
  }
  interface Tear {
    readonly whole: number
    readonly torn: readonly number[]
    readonly cut: number
  }

  test('at any byte of any copy leaves the old or the new, and the next write works', async () => {
    const path = `${await directory()}-superblock`
    const before = image(2, 2, 2, 2)
    const after = image(3, 3, 3, 3)
    const { length } = encodeCopy(make(3, '0'.repeat(32)))
    // What lies between two syncs may reach the disk in any order: {0, 1}, then {2, 3}.
    const steps: readonly Omit<Tear, 'cut'>[] = [
      { whole: 0, torn: [0] },
      { whole: 0, torn: [1] },
      { whole: 0, torn: [0, 1] },
      { whole: 1, torn: [1] },
      { whole: 2, torn: [2] },
      { whole: 2, torn: [3] },
      { whole: 2, torn: [2, 3] },
      { whole: 3, torn: [3] },
    ]
    for (const step of steps) {
      for (const cut of [0, 1, 8, 13, 14, 60, length >> 1, length - 1, length]) {
        const file = torn(before, after, { ...step, cut })
        const { superblock } = chooseCopy(file)
        const copies = step.whole + (cut === length ? step.torn.length : 0)
        expect(superblock.sequence).toBe(copies >= 2 ? 3 : 2)
        await writeFile(path, file)
        const opened = await SuperblockFile.open(path)
        await opened.write({ bootCounter: 8 })
        await opened.close()
        const next = chooseCopy(await readFile(path))
        expect(next.superblock).toMatchObject({ sequence: superblock.sequence + 1, bootCounter: 8 })
        expect(next.lagging).toEqual([])
      }
    }
  })

  test('again, after one that was cut short, falls back no further than what was opened', async () => {
    const path = `${await directory()}-superblock`
    await writeFile(path, image(3, 3, 2, 2))
    const opened = await SuperblockFile.open(path)
    await opened.write({ bootCounter: 8 })
    await opened.close()
    const file = await readFile(path)
    // The next write begins with the copies that alone held sequence 3: torn, they leave 4, not 2.
    for (const copy of [0, 1]) file.fill(0xee, copy * COPY_BYTES, copy * COPY_BYTES + 64)
    expect(chooseCopy(file).superblock.sequence).toBe(4)
  })

  test('while the lagging copies are mended, leaves what was opened', async () => {
    const file = image(3, 3, 2, 2)
    for (const copy of [2, 3]) file.fill(0xee, copy * COPY_BYTES, copy * COPY_BYTES + 64)
    expect(chooseCopy(file).superblock.sequence).toBe(3)
  })
})
