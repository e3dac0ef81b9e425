/**
 * The snapshots that a node keeps, in a directory of its own beside its data. A few: a new one that is
 * whole takes the place of the oldest, so that making one every hour does not fill the disk.
 */
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { ServiceRecord } from '../vr/service.ts'
import { openingRefusal, writeRefusal } from './refusal.ts'
import type { SnapshotManifest } from './snapshot-format.ts'
import { claimedHash } from './snapshot-reader.ts'
import type { SnapshotOptions, WrittenSnapshot } from './snapshot-writer.ts'
import { writeSnapshot } from './snapshot-writer.ts'

export const SNAPSHOTS_KEPT = 3
const SUFFIX = '.snapshot'
/** The only names that are ever looked for: nothing a caller sends becomes part of a path otherwise. */
const ID = /^op\d{1,16}-[0-9a-f]{8}$/

export interface KeptSnapshot {
  readonly snapshot: string
  readonly op: number
  readonly bytes: number
  readonly hash: string
  readonly createdMs: number
}

export interface SnapshotContent {
  readonly bytes: number
  readonly content: Readable
}

export class SnapshotShelf {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  /** `admit` is told how much is written, and throws to stop. Throws StorageError. */
  async add(
    manifest: SnapshotManifest,
    states: readonly Iterable<ServiceRecord>[],
    options: Omit<SnapshotOptions, 'pathOf'>,
  ): Promise<KeptSnapshot> {
    const op = manifest.shards[0]?.op ?? 0
    let snapshot = ''
    const pathOf = (hash: string): string => {
      snapshot = `op${op}-${hash.slice(0, 8)}`
      return this.#path(snapshot)
    }
    const written = await this.#written(() =>
      writeSnapshot(join(this.#dir, 'being-written'), manifest, states, { ...options, pathOf }),
    )
    await this.#prune()
    return { snapshot, op, bytes: written.bytes, hash: written.hash, createdMs: manifest.createdMs }
  }

  async #written(write: () => Promise<WrittenSnapshot>): Promise<WrittenSnapshot> {
    try {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 })
      return await write()
    } catch (error) {
      // Only what the file system says is translated; what `admit` throws is its caller's.
      throw isSystemError(error) ? writeRefusal(this.#dir, error) : error
    }
  }

  /** The newest first. */
  async list(): Promise<readonly KeptSnapshot[]> {
    const names = await readdir(this.#dir).catch((error: unknown): string[] => {
      if (isSystemError(error) && error.code === 'ENOENT') return []
      throw openingRefusal(this.#dir, error)
    })
    const ids = names
      .filter(name => name.endsWith(SUFFIX))
      .map(name => name.slice(0, -SUFFIX.length))
    const found = await Promise.all(ids.filter(id => ID.test(id)).map(id => this.#info(id)))
    const kept = found.filter(each => each !== undefined)
    return kept.sort((a, b) => b.createdMs - a.createdMs || b.op - a.op)
  }

  /** Undefined: there is none of that name. The caller ends or destroys the stream. */
  async open(id: string): Promise<SnapshotContent | undefined> {
    if (!ID.test(id)) return undefined
    const file = await open(this.#path(id), 'r').catch((error: unknown) => {
      if (isSystemError(error) && error.code === 'ENOENT') return undefined
      throw openingRefusal(this.#dir, error)
    })
    if (file === undefined) return undefined
    const { size } = await file.stat()
    return { bytes: size, content: file.createReadStream() }
  }

  /** Undefined: it has just been replaced by a newer one. */
  async #info(id: string): Promise<KeptSnapshot | undefined> {
    const path = this.#path(id)
    const found = await stat(path).catch(() => undefined)
    if (found === undefined) return undefined
    const { size, mtimeMs } = found
    const op = Number(/^op(\d+)/.exec(id)?.[1])
    const hash = await claimedHash(path)
    return { snapshot: id, op, bytes: size, hash, createdMs: Math.floor(mtimeMs) }
  }

  /** What is being read at the moment stays readable to who has it open. */
  async #prune(): Promise<void> {
    const old = (await this.list()).slice(SNAPSHOTS_KEPT)
    for (const { snapshot } of old) await rm(this.#path(snapshot), { force: true })
  }

  #path(id: string): string {
    return join(this.#dir, `${id}${SUFFIX}`)
  }
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error
