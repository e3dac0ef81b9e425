/** The command line: commander's tree, built from the table in commands.ts. */
import { Command, Option } from 'commander'
import { VERSION } from '../version.ts'
import type { Arguments, CommandSpec, OptionSpec } from './command.ts'
import { COMMANDS, GLOBAL_OPTIONS, GROUPS } from './commands.ts'

/** What the user asked for; it has not run yet. */
export interface Invocation {
  readonly spec: CommandSpec
  readonly args: Arguments
  /** Flags on the command line by camel-case name. */
  readonly flags: Readonly<Record<string, unknown>>
}

/** Where help and complaints go. */
export interface Printers {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** `chosen` is told when the words name a command. */
export function buildProgram(
  chosen: (invocation: Invocation) => void,
  printers: Printers,
): Command {
  const program = new Command('viewstamp')
    .description('A replicated state machine: equal daemons, one log, no fixed master.')
    .version(VERSION, '-V, --version', 'version of this program')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true)
    .configureOutput({
      writeOut: printers.out,
      writeErr: printers.err,
      outputError: (text, write) => write(oneLine(text)),
    })
    .exitOverride()
    .addHelpText(
      'after',
      '\nEvery flag may be set as VIEWSTAMP_<FLAG>, as in VIEWSTAMP_ENDPOINT. Exit codes: 0 ok, 1 other,\n' +
        '2 usage, 3 not found, 4 compare failed, 5 no endpoint, 6 not ready, 7 outcome unknown, 8 refused,\n' +
        '9 verification failed, 10 limit.',
    )
  for (const option of GLOBAL_OPTIONS) addOption(program, option)
  const groups = new Map<string, Command>()
  const shorts: CommandSpec[] = []
  for (const spec of COMMANDS) {
    addCommand(parentOf(spec, program, groups), spec, chosen)
    if (spec.short !== undefined) shorts.push(spec)
  }
  for (const spec of shorts) {
    const [, ...words] = spec.usage.split(' ')
    addCommand(program, { ...spec, usage: words.join(' ') }, chosen)
  }
  return program
}

/** `kv put <key>` hangs below `kv`; `status` below the program. */
function parentOf(spec: CommandSpec, program: Command, groups: Map<string, Command>): Command {
  const [first = '', second = '<'] = spec.usage.split(' ')
  if (/^[<[]/.test(second)) return program
  const known = groups.get(first)
  if (known !== undefined) return known
  const group = program.command(first).description(GROUPS[first] ?? '')
  groups.set(first, group)
  return group
}

function addCommand(
  parent: Command,
  spec: CommandSpec,
  chosen: (invocation: Invocation) => void,
): void {
  const words = spec.usage.split(' ')
  const own = parent.parent === null ? words : words.slice(1)
  const command = parent.command(own.join(' ')).description(spec.summary)
  for (const option of spec.options ?? []) addOption(command, option)
  if (spec.examples) command.addHelpText('after', `\nExample:\n  ${spec.examples.join('\n  ')}`)
  command.action(() => {
    const args = command.processedArgs.flat() as Arguments
    chosen({ spec, args, flags: flagsOf(command) })
  })
}

/** «error: unknown command 'gett'» and its suggestion, as our own sentences look. */
function oneLine(text: string): string {
  return `${text
    .replace(/^error: /, 'viewstamp: ')
    .trimEnd()
    .replaceAll('\n', ' ')}\n`
}

function addOption(command: Command, [flags, doc, repeat]: OptionSpec): void {
  const option = new Option(flags, doc)
  if (repeat === 'many') {
    option.argParser((text: string, before: readonly string[] | undefined) => [
      ...(before ?? []),
      text,
    ])
  }
  command.addOption(option)
}

/** Only what was typed: `--no-color` has a default of true that nobody asked for. */
function flagsOf(command: Command): Record<string, unknown> {
  const flags: Record<string, unknown> = {}
  for (let each: Command | null = command; each !== null; each = each.parent) {
    for (const [name, value] of Object.entries(each.opts())) {
      if (each.getOptionValueSource(name) === 'cli') flags[name] = value
    }
  }
  return flags
}
