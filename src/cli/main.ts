/** The program `viewstamp`: this process, with its command line, its streams and its end. */
import { EXIT } from './exit-code.ts'
import { runCommandLine } from './run.ts'

/** A reader that has gone (`viewstamp kv ls | head -1`) is no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.other)
})

/** Nor is one of messages: what was asked for goes on, and so does a daemon whose logs nobody takes any more. */
process.stderr.on('error', () => undefined)

runCommandLine(process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  env: process.env,
}).then(leave, (error: unknown) => {
  process.stderr.write(`viewstamp: ${error instanceof Error ? error.stack : error}\n`)
  leave(EXIT.other)
})

/** Exits once what was written has left: a pipe may take it later than `write` returns. */
function leave(code: number): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
}
