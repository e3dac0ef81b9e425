/**
 * A LevelDB database opened without touching it. Opening one writes to it, even to read: it turns its log
 * into tables, and drops what it finds damaged there for good. So another directory is opened, where the
 * tables are links to the original ones, which LevelDB never changes, and the little else is copied. The
 * lock is a link as well: whoever looks holds the real one, and a daemon that runs has it first.
 */
import { copyFile, mkdtemp, open, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from './database.ts'
import { openDatabase } from './database.ts'

const TABLE = /^\d+\.(ldb|sst)$/
/** Logs of LevelDB's own, which say nothing of the data. */
const UNUSED = /^LOG(\.old)?$/

/** `dir`: of the database. What is thrown is LevelDB's or the file system's error. */
export async function withShadow<T>(dir: string, use: (db: Database) => Promise<T>): Promise<T> {
  const shadow = await mkdtemp(join(tmpdir(), 'viewstamp-inspect-'))
  try {
    for (const name of await readdir(dir)) await mirror(join(dir, name), join(shadow, name), name)
    const db = await openDatabase(shadow, 'existing')
    try {
      return await use(db)
    } finally {
      await db.close()
    }
  } finally {
    await rm(shadow, { recursive: true, force: true })
  }
}

async function mirror(original: string, beside: string, name: string): Promise<void> {
  if (UNUSED.test(name)) return
  if (TABLE.test(name)) return symlink(original, beside)
  if (name !== 'LOCK') return copyFile(original, beside)
  if (await mayWrite(original)) await symlink(original, beside)
}

/** Where nobody may write, as on a mounted backup, no daemon can run either, and no lock is needed. */
async function mayWrite(path: string): Promise<boolean> {
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EROFS' || error.code === 'EACCES') return undefined
    throw error
  })
  await file?.close()
  return file !== undefined
}
