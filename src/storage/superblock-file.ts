/**
 * Reads and writes the superblock file. A write goes to copies 0 and 1, is made durable, then to 2 and
 * 3: whenever it is cut short, two equal copies are left of the old or of the new.
 */
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { assert } from '../base/assert.ts'
import { replaceFile } from './replace-file.ts'
import type { Choice, Superblock } from './superblock.ts'
import {
  COPIES,
  COPY_BYTES,
  chooseCopy,
  digestOf,
  encodeCopy,
  SUPERBLOCK_BYTES,
} from './superblock.ts'

export class SuperblockFile {
  readonly #file: FileHandle
  #now: Superblock
  #digest: string
  /** Copies that do not hold `now`; undefined: all do, and it is known to be durable. */
  #lagging: readonly number[] | undefined
  #isWriting = false

  private constructor(file: FileHandle, choice: Choice) {
    this.#file = file
    this.#now = choice.superblock
    this.#digest = choice.digest
    this.#lagging = choice.lagging
  }

  /** All copies alike, there as a whole or not at all. */
  static async create(path: string, first: Omit<Superblock, 'sequence' | 'parent'>): Promise<void> {
    const copy = encodeCopy({ ...first, sequence: 1, parent: '0'.repeat(32) })
    assertFits(copy)
    const image = new Uint8Array(SUPERBLOCK_BYTES)
    for (let i = 0; i < COPIES; i++) image.set(copy, i * COPY_BYTES)
    await replaceFile(path, image)
  }

  /** Throws Damage and UnknownFormat. Changes nothing. */
  static async open(path: string): Promise<SuperblockFile> {
    const file = await open(path, 'r+')
    try {
      return new SuperblockFile(file, chooseCopy(await file.readFile()))
    } catch (error) {
      await file.close()
      throw error
    }
  }

  get now(): Superblock {
    return this.#now
  }

  /** Durable when it resolves. One at a time. */
  async write(change: Partial<Omit<Superblock, 'sequence' | 'parent' | 'cluster'>>): Promise<void> {
    assert(!this.#isWriting, 'one write of the superblock at a time')
    this.#isWriting = true
    await this.#mend()
    const next = {
      ...this.#now,
      ...change,
      sequence: this.#now.sequence + 1,
      parent: this.#digest,
    }
    const copy = encodeCopy(next)
    await this.#put(copy, [0, 1])
    await this.#put(copy, [2, 3])
    this.#now = next
    this.#digest = digestOf(copy)
    // Not reset by a failed write: after that there is no other.
    this.#isWriting = false
  }

  /**
   * A write cut short may have left the chosen sequence in two copies, the very ones written next. And they may be
   * what its process wrote and did not live to sync: a power cut would still undo them, with what is written now.
   */
  async #mend(): Promise<void> {
    if (this.#lagging === undefined) return
    await this.#file.datasync()
    if (this.#lagging.length > 0) await this.#put(encodeCopy(this.#now), this.#lagging)
    this.#lagging = undefined
  }

  async #put(copy: Uint8Array, slots: readonly number[]): Promise<void> {
    assertFits(copy)
    for (const slot of slots) await writeAll(this.#file, copy, slot * COPY_BYTES)
    await this.#file.datasync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** A regular file may take less than it was given (a nearly full disk, a signal). */
async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

function assertFits(copy: Uint8Array): void {
  assert(copy.length <= COPY_BYTES, `a superblock of ${copy.length} bytes fits its copy`)
}
