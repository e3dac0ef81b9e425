/** A directory as one file, and back: gzip of JSON, path → base64. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

/** LevelDB's own lock and its notes are not data. */
const SKIP = /(^|\/)(LOCK|LOG(\.old)?)$/

export function packed(dir: string): Buffer {
  const files: Record<string, string> = {}
  for (const path of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
    if (SKIP.test(path) || statSync(join(dir, path)).isDirectory()) continue
    files[path] = readFileSync(join(dir, path)).toString('base64')
  }
  return gzipSync(JSON.stringify(files), { level: 9 })
}

export function unpack(file: Buffer, dir: string): void {
  const files = JSON.parse(gunzipSync(file).toString()) as Record<string, string>
  for (const [path, base64] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true, mode: 0o700 })
    writeFileSync(join(dir, path), Buffer.from(base64, 'base64'))
  }
}
