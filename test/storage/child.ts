/** Another process that runs TypeScript of ours: bundled in memory, read from its standard input. */
import type { ChildProcessByStdio } from 'node:child_process'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { build } from 'esbuild'
import { onTestFinished } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

/** `code` imports as a file of this folder would. Killed when the test ends. */
export async function runProcess(
  code: string,
): Promise<ChildProcessByStdio<Writable, Readable, null>> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    write: false,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  })
  const child = spawn(process.execPath, ['--input-type=module', '-'], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdin.end(outputFiles[0]?.text)
  return child
}
