/** LevelDB with the options that we mean, not what its binding makes of those left out. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/storage/database.ts'

test('what is written does not stay in memory: the write buffer is as large as it should be', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'viewstamp-database-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'db')
  const db = await openDatabase(path, 'create')
  const value = Buffer.alloc(1 << 20, 7)
  for (let i = 0; i < 48; i++) {
    const key = Buffer.from(`key ${i}`)
    await db.batch().put(key, value).write()
  }
  await db.close()
  const files = await readdir(path)
  const sizes = await Promise.all(files.map(async name => (await stat(join(path, name))).size))
  const logs = sizes.filter((_, i) => files[i]?.endsWith('.log'))
  expect(files.filter(name => name.endsWith('.ldb')).length).toBeGreaterThan(0)
  expect(Math.max(...logs)).toBeLessThan(20 << 20)
})
