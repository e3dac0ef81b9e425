/** One command line: finds the command, loads its code, runs it, gives the exit code. */
import type { CommanderError } from 'commander'
import { createContext } from './context.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'
import { Given } from './given.ts'
import { buildProgram, type Invocation } from './program.ts'
import { type Stream, Terminal } from './terminal.ts'

/** Where a command line runs: a process, or a test. */
export interface Surroundings {
  readonly out: Stream
  readonly err: Stream
  readonly env: Readonly<Record<string, string | undefined>>
}

/** `words` are those behind the program's name. */
export async function runCommandLine(
  words: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const { out, err, env } = surroundings
  const invocation = parse(words, surroundings)
  if (typeof invocation === 'number') return invocation
  const { spec, args, flags } = invocation
  const given = new Given(flags, env)
  const terminal = new Terminal({ out, err, env, color: colorOf(flags, given) })
  try {
    const context = createContext(given, terminal, spec.formats)
    const run = await spec.load()
    return (await run(context, args, given)) ?? EXIT.ok
  } catch (error) {
    const json = given.flag('json') === true || /^jsonl?$/.test(given.text('output') ?? '')
    terminal.message(json ? errorAsJson(error) : errorAsSentence(error))
    if (given.flag('verbose') === true && error instanceof Error)
      terminal.message(error.stack ?? '')
    return exitCodeOf(error)
  }
}

/** The command, or the exit code of help, version and usage errors, which commander prints. */
function parse(words: readonly string[], { out, err }: Surroundings): Invocation | number {
  let invocation: Invocation | undefined
  try {
    const program = buildProgram(
      chosen => {
        invocation = chosen
      },
      { out: text => out.write(text), err: text => err.write(text) },
    )
    if (words.length === 0) program.outputHelp()
    else program.parse(words, { from: 'user' })
  } catch (error) {
    if (!isCommanderError(error)) throw error
    const asked = error.code === 'commander.helpDisplayed' || error.code === 'commander.version'
    return asked ? EXIT.ok : EXIT.usage
  }
  return invocation ?? EXIT.ok
}

/** By its code: a bundler may give the class another name. */
function isCommanderError(error: unknown): error is CommanderError {
  if (!(error instanceof Error) || !('code' in error)) return false
  return typeof error.code === 'string' && error.code.startsWith('commander.')
}

function colorOf(flags: Readonly<Record<string, unknown>>, given: Given): 'auto' | 'never' {
  return flags['color'] === false || given.flag('noColor') === true ? 'never' : 'auto'
}

/** `viewstamp: …`, one line, and whether a write may have happened. */
function errorAsSentence(error: unknown): string {
  // What a library adds to a message on further lines is shown with the stack (-v).
  const [message = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  const outcome = (error as { outcome?: unknown }).outcome
  const warning =
    outcome === 'unknown'
      ? ' (the write may or may not have happened)'
      : outcome === 'applied'
        ? ' (the write has happened)'
        : ''
  return `viewstamp: ${message}${warning}`
}

function errorAsJson(error: unknown): string {
  const { name, code, message, outcome, data } = error as Record<string, unknown>
  return JSON.stringify({ error: { code, name, message, outcome, data } })
}
