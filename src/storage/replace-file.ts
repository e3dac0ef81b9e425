/** Files that are replaced as a whole, and names that survive a power cut. */
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A file of this name in a data directory says why what is there must not be trusted. */
export const CONDEMNED = 'condemned'

/** All or nothing, durable when it resolves. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const beside = `${path}.new`
  const file = await open(beside, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
  await syncDirectory(dirname(path))
}

/** Makes the names in it durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
