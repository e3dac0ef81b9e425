/** Runs a command line in this process and gives what came out of it. */
import { runCommandLine } from '../../src/cli/run.ts'

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

export async function cli(
  words: readonly string[],
  options: { readonly tty?: boolean; readonly env?: Record<string, string> } = {},
): Promise<Outcome> {
  let [out, err] = ['', '']
  const code = await runCommandLine(words, {
    out: {
      isTTY: options.tty === true,
      columns: 120,
      write: (text: string) => {
        out += text
      },
    },
    err: {
      write: (text: string) => {
        err += text
      },
    },
    env: { NO_COLOR: '1', ...options.env },
  })
  return { code, out, err }
}
