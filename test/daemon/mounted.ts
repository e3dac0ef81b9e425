/** A mount namespace of its own, where a test may mount what only its daemons see. */
import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Needs root, and a kernel that lets it; elsewhere these tests are skipped, and reported so. */
export const canMount =
  spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o size=1m tmpfs /mnt']).status === 0

export interface Mounted {
  /** A shell command, to its end. */
  run(command: string): Promise<{ code: number; output: string[] }>
  /** With the namespace goes what is mounted in it. */
  end(): Promise<void>
}

export async function mounted(setUp: string): Promise<Mounted> {
  const shell = spawn('unshare', ['-m', 'bash'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]()
  const closed = new Promise<void>(done => shell.once('close', () => done()))
  const space: Mounted = {
    async run(command) {
      shell.stdin.write(`{ ${command}\n} </dev/null 2>&1; echo "<end $?>"\n`)
      const output: string[] = []
      for (;;) {
        const { value, done } = await lines.next()
        if (done) throw new Error(`the shell ended at: ${command}`)
        const code = /<end (\d+)>$/.exec(value)?.[1]
        if (code !== undefined) return { code: Number(code), output }
        output.push(value)
      }
    },
    async end() {
      shell.stdin.end()
      await closed
    },
  }
  const { code, output } = await space.run(setUp)
  if (code !== 0) throw new Error(`${setUp}: ${output.join(' ')}`)
  return space
}
