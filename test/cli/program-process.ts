/** The program as a child process, with everything it has said so far. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../bin/viewstamp', import.meta.url))

export class ProgramProcess {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  out = ''
  err = ''
  readonly #listeners = new Set<() => void>()
  #ended = false

  constructor(words: readonly string[]) {
    const env = { ...process.env, NO_COLOR: '1' }
    this.child = spawn(PROGRAM, words, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout?.on('data', part => {
      this.out += part
      this.#tell()
    })
    this.child.stderr?.on('data', part => {
      this.err += part
      this.#tell()
    })
    // `close`, not `exit`: by then all that was said has arrived.
    this.exited = new Promise(done => {
      this.child.once('close', code => {
        this.#ended = true
        this.#tell()
        done(code)
      })
    })
  }

  /** The first match in what has been, or will be, said on either stream. */
  until(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(this.out) ?? pattern.exec(this.err)
        if (found === null && !this.#ended) return
        this.#listeners.delete(look)
        if (found !== null) resolve(found)
        else reject(new Error(`ended without ${pattern}:\n${this.out}\n${this.err}`))
      }
      this.#listeners.add(look)
      look()
    })
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal)
    return this.exited
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}
