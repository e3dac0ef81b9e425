/** What a command is: its words, its options, and code that is loaded when it runs. */
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import type { Format } from './output.ts'

/** Resolves to the exit code; nothing is 0. */
export type Run = (context: Context, args: Arguments, given: Given) => Promise<number | undefined>

/** Positional arguments in order; what was left out is undefined, the rest of a list is an array. */
export type Arguments = readonly (string | undefined)[]

export interface CommandSpec {
  /** Words and arguments: `kv put <key> [value]`. */
  readonly usage: string
  /** Also under this name at the top: `put`. */
  readonly short?: string | undefined
  readonly summary: string
  readonly options?: readonly OptionSpec[] | undefined
  /** Of output, besides those that every command has. */
  readonly formats?: readonly Format[] | undefined
  readonly examples?: readonly string[] | undefined
  readonly load: () => Promise<Run>
}

/** Flags as commander writes them, meaning, and `many` if it may be repeated. */
export type OptionSpec = readonly [flags: string, doc: string, repeat?: 'many']
