/**
 * The witness: how far each shard's log was durable, told apart from LevelDB. LevelDB drops what it finds
 * damaged at the end of its own log without a word, and that looks like a batch which a crash cut short
 * and nobody acknowledged. Written behind every commit, and made durable soon afterwards, not at once:
 * it survives the end of the process in any case, and a power cut but for the last moments.
 *
 *   file   a slot of 64 bytes for each shard, twice; written in turn, so that one of them is whole
 *   slot   u32 crc32 of the rest · u32 shard · f64 sequence · f64 op · 16 B checksum · zeros
 *
 * It never claims what is not durable; before a log is cut below it, it is lowered, durably.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { Checksum } from '../vr/terms.ts'
import { checksumOf } from '../vr/terms.ts'

const SLOT = 64
const USED = 40
/** At most so much of what was written last can be missing after a power cut. */
const SYNC_MS = 100

export interface Witness {
  readonly opNumber: number
  readonly checksum: Checksum
}

interface Slot extends Witness {
  readonly sequence: number
}

export class WitnessFile {
  readonly #fd: number
  readonly #syncing: FileHandle
  readonly #sequences: number[]
  #timer: NodeJS.Timeout | undefined
  #isDirty = false
  #sync: Promise<void> = Promise.resolve()

  private constructor(fd: number, syncing: FileHandle, sequences: number[]) {
    this.#fd = fd
    this.#syncing = syncing
    this.#sequences = sequences
  }

  /** The last witness of each shard; undefined where there is none that is whole. */
  static async read(path: string, shards: number): Promise<(Witness | undefined)[]> {
    const slots = slotsOf(await bytesOf(path), shards)
    return slots.map(slot => slot && { opNumber: slot.opNumber, checksum: slot.checksum })
  }

  /** Goes on behind what is there. */
  static async open(path: string, shards: number): Promise<WitnessFile> {
    const slots = slotsOf(await bytesOf(path), shards)
    const fd = openSync(path, 'a', 0o600)
    closeSync(fd)
    const writing = openSync(path, 'r+')
    const sequences = slots.map(slot => slot?.sequence ?? 0)
    return new WitnessFile(writing, await open(path, 'r+'), sequences)
  }

  /** A few microseconds: no thread, no sync. `opNumber` is durable. */
  note(shard: number, { opNumber, checksum }: Witness): void {
    const sequence = (this.#sequences[shard] ?? 0) + 1
    this.#sequences[shard] = sequence
    const slot = encodeSlot(shard, { sequence, opNumber, checksum })
    writeSync(this.#fd, slot, 0, SLOT, (2 * shard + (sequence % 2)) * SLOT)
    this.#isDirty = true
    this.#timer ??= setTimeout(() => void this.#later(), SYNC_MS)
  }

  /** What was noted is durable when it resolves. */
  async settle(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.#isDirty) return this.#sync
    this.#isDirty = false
    this.#sync = this.#sync.then(() => this.#syncing.datasync())
    await this.#sync
  }

  async close(): Promise<void> {
    await this.settle()
    closeSync(this.#fd)
    await this.#syncing.close()
  }

  /** Its error comes out of the next settle: the disk that fails here fails commits as well. */
  async #later(): Promise<void> {
    this.#timer = undefined
    await this.settle().catch(() => undefined)
  }
}

async function bytesOf(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  })
}

function encodeSlot(shard: number, { sequence, opNumber, checksum }: Slot): Buffer {
  const slot = Buffer.alloc(SLOT)
  slot.writeUInt32LE(shard, 4)
  slot.writeDoubleLE(sequence, 8)
  slot.writeDoubleLE(opNumber, 16)
  slot.write(checksum, 24, 'hex')
  slot.writeUInt32LE(crc32(slot.subarray(4, USED)), 0)
  return slot
}

/** The newer of a shard's two slots that are whole. */
export function slotsOf(file: Buffer, shards: number): (Slot | undefined)[] {
  return Array.from({ length: shards }, (_, shard) => {
    const both = [0, 1].map(i => decodeSlot(shard, file.subarray((2 * shard + i) * SLOT)))
    return both.reduce((a, b) => ((b?.sequence ?? 0) > (a?.sequence ?? 0) ? b : a), undefined)
  })
}

function decodeSlot(shard: number, bytes: Buffer): Slot | undefined {
  if (bytes.length < SLOT || bytes.readUInt32LE(0) !== crc32(bytes.subarray(4, USED)))
    return undefined
  if (bytes.readUInt32LE(4) !== shard) return undefined
  const sequence = bytes.readDoubleLE(8)
  const opNumber = bytes.readDoubleLE(16)
  if (![sequence, opNumber].every(n => Number.isSafeInteger(n) && n >= 0)) return undefined
  return { sequence, opNumber, checksum: checksumOf(bytes.toString('hex', 24, USED)) }
}
