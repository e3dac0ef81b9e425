/** Files that only their owner may read: the identity key and the pre-shared key. */
import { randomBytes } from 'node:crypto'
import { link, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { NetworkError } from './error.ts'

/** The file's bytes, or undefined if there is none; refuses one that others may read. */
export async function readSecret(file: string, what: string): Promise<Uint8Array | undefined> {
  try {
    const { mode } = await stat(file)
    if ((mode & 0o077) !== 0 && process.platform !== 'win32') {
      const octal = (mode & 0o777).toString(8)
      throw new NetworkError(
        'key-file',
        `${file} (${what}) may be read by other users (mode ${octal}): run "chmod 600 ${file}", and make a new key if others have been on this machine`,
      )
    }
    return await readFile(file)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    if (error instanceof NetworkError) throw error
    throw new NetworkError('key-file', `cannot read ${file} (${what}): ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/**
 * Writes a new file, all of it or nothing, durably. An existing one is never replaced: of two
 * daemons that start in one directory, the second must meet the first one's key, not overwrite it.
 */
export async function writeSecret(file: string, bytes: Uint8Array, what: string): Promise<void> {
  const tmp = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const handle = await open(tmp, 'wx', 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await place(tmp, file)
    const directory = await open(dirname(file), 'r')
    await directory.sync().finally(() => directory.close())
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      throw new NetworkError(
        'key-file',
        `${file} (${what}) exists already: it is not overwritten; remove it first if you mean to replace it`,
        { cause: error },
      )
    }
    throw new NetworkError('key-file', `cannot write ${file} (${what}): ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** `link` fails when the target exists, which `rename` does not; some file systems have no links. */
async function place(tmp: string, file: string): Promise<void> {
  try {
    await link(tmp, file)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error) ?? '')) {
      await unlink(tmp)
      throw error
    }
    await rename(tmp, file)
    return
  }
  await unlink(tmp)
}

export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
