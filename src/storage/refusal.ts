/**
 * Every way storage says no: one sentence of what and where, one of what to do next. The table is
 * repeated in docs/storage.md.
 */
import { join } from 'node:path'
import { AssertionError } from '../base/assert.ts'
import { StorageError } from './port.ts'

/** A stored thing is not what was written. Turned into a StorageError where the file is known. */
export class Damage extends Error {
  override readonly name = 'Damage'
}

/** A stored thing is whole, and of another format. */
export class UnknownFormat extends Error {
  override readonly name = 'UnknownFormat'
  readonly format: number

  constructor(format: number) {
    super(`format ${format} is not known here`)
    this.format = format
  }
}

const rejoin = (dir: string): string =>
  `Keep a copy of ${dir} and run: viewstamp recover --data-dir ${dir} (this node then rejoins as a new replica and gets its data from the others).`

export const missing = (dir: string, what: string): StorageError =>
  new StorageError('missing', `${what} ${rejoin(dir)}`)

export const nothingHere = (dir: string): StorageError =>
  new StorageError(
    'missing',
    `${dir} holds no data of a replica. To found a cluster run: viewstamp init; if this node was a member already, run: viewstamp recover --data-dir ${dir}`,
  )

export const unfinished = (dir: string): StorageError =>
  new StorageError(
    'missing',
    `Founding was interrupted in ${dir} before anything was promised. Start the node again: it is founded anew.`,
  )

export const damaged = (dir: string, where: string, what: string, cause?: unknown): StorageError =>
  new StorageError('damaged', `${where} is damaged: ${what}. ${rejoin(dir)}`, { cause })

export const condemned = (dir: string, why: string): StorageError =>
  new StorageError('damaged', `${why} ${rejoin(dir)}`)

export const rolledBack = (dir: string, what: string): StorageError =>
  new StorageError(
    'rolled-back',
    `${join(dir, 'db')} is older than ${join(dir, 'superblock')}: ${what}. A copy or snapshot was restored, or writes were lost; what this replica promised since then is gone, so it must not vote. ${rejoin(dir)}`,
  )

export const unknownFormat = (where: string, format: number): StorageError =>
  new StorageError(
    'version',
    `${where} is of format ${format}, which this release of viewstamp does not read. Start the release that wrote it; what a later release reads, its notes say.`,
  )

export const foreign = (
  dir: string,
  what: 'cluster' | 'peer',
  found: string,
  expected: string,
): StorageError =>
  new StorageError(
    'foreign',
    `${dir} belongs to ${what} ${found}, and this node is configured for ${what} ${expected}. Point the node at its own data directory or restore its own ${what === 'peer' ? 'identity key' : 'configuration'}.`,
  )

export const notEmpty = (dir: string): StorageError =>
  new StorageError(
    'foreign',
    `${dir} holds the data of a replica already, and a data directory is founded once. Start the node that it belongs to, or name another directory.`,
  )

const locked = (dir: string, cause: unknown): StorageError =>
  new StorageError(
    'locked',
    `Another daemon is using ${dir} (${join(dir, 'db', 'LOCK')} is held). Stop it first, or give this node a data directory of its own.`,
    { cause },
  )

const unwritable = (dir: string, what: string, cause: unknown): StorageError =>
  new StorageError('unwritable', `Cannot write to ${dir}: ${what}`, { cause })

const SYSTEM: readonly (readonly [RegExp, string])[] = [
  [
    /ENOSPC|EDQUOT|No space left|quota exceeded/i,
    'the disk is full. Free some space on it, then start the node again.',
  ],
  [
    /EROFS|Read-only file system/i,
    'the file system is mounted read-only. Mount it writable (check the kernel log for disk errors), then start the node again.',
  ],
  [
    /EACCES|EPERM|Permission denied|not permitted/i,
    'permission is denied. Make the user that runs the daemon the owner of the directory and all files in it, then start the node again.',
  ],
  [
    /ENOTDIR|EEXIST|Not a directory/i,
    'a file stands where a directory should be. Name another directory, or move the file away.',
  ],
  [
    /EMFILE|ENFILE|Too many open files/i,
    'too many files are open. Raise the limit (ulimit -n), then start the node again.',
  ],
]

/** An error of the operating system, as a sentence; `undefined` when it is none that we know. */
function systemRefusal(dir: string, cause: unknown): StorageError | undefined {
  const text = textOf(cause)
  const known = SYSTEM.find(([pattern]) => pattern.test(text))
  return known === undefined ? undefined : unwritable(dir, known[1], cause)
}

/** What an error while opening, founding or reading means. A bug stays what it is. */
export function openingRefusal(dir: string, error: unknown): Error {
  if (error instanceof StorageError || error instanceof AssertionError) return error
  const text = textOf(error)
  if (/LEVEL_LOCKED/.test(text)) return locked(dir, error)
  const known = systemRefusal(dir, error)
  if (known !== undefined) return known
  const db = join(dir, 'db')
  if (error instanceof UnknownFormat) return unknownFormat(db, error.format)
  if (error instanceof Damage) return damaged(dir, db, error.message, error)
  return damaged(dir, db, `LevelDB reports "${rootOf(error)}"`, error)
}

/** The first error of a write is final: nothing is known about what is on disk. Reliability §0.1. */
export function writeRefusal(dir: string, error: unknown): Error {
  if (error instanceof StorageError || error instanceof AssertionError) return error
  // Of what is read beside the writes.
  if (error instanceof Damage) return damaged(dir, join(dir, 'db'), error.message, error)
  // It merges its tables beside what is written, and a block that it cannot read ends all writing.
  if (/LEVEL_CORRUPTION/.test(textOf(error))) {
    const what = `LevelDB reports "${rootOf(error)}", and takes no more writes`
    return damaged(dir, join(dir, 'db'), what, error)
  }
  return (
    systemRefusal(dir, error) ??
    unwritable(
      dir,
      `a write failed (${rootOf(error)}). Check the disk and the kernel log, then start the node again.`,
      error,
    )
  )
}

/** Codes and messages of the error and its causes; LevelDB's reason is in the cause. */
function textOf(error: unknown): string {
  let text = ''
  for (let e = error; e instanceof Error; e = e.cause) {
    text += `${'code' in e ? String(e.code) : ''} ${e.message}\n`
  }
  return text
}

function rootOf(error: unknown): string {
  let root = error
  while (root instanceof Error && root.cause instanceof Error) root = root.cause
  return root instanceof Error ? root.message : String(root)
}
