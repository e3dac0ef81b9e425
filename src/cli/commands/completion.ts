/** completion: a script that knows every command and flag, for three shells. */
import type { Command } from 'commander'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { buildProgram } from '../program.ts'
import { UsageError } from '../usage-error.ts'

/** What may follow the words so far: `kv` → put get … and the flags. */
interface Step {
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly doc: string }[]
  readonly flags: readonly { readonly long: string; readonly doc: string }[]
}

const SHELLS: Readonly<Record<string, (steps: readonly Step[]) => string>> = { bash, zsh, fish }

export const completion: Run = async (context, [shell = '']) => {
  const script = SHELLS[shell]
  if (script === undefined) throw new UsageError(`${shell} is none of bash, zsh and fish`)
  const program = buildProgram(() => undefined, { out: () => undefined, err: () => undefined })
  context.terminal.data(script(stepsOf(program, '', flagsOf(program))))
  return EXIT.ok
}

function stepsOf(command: Command, path: string, inherited: Step['flags']): readonly Step[] {
  const commands = command.commands.map(each => ({ name: each.name(), doc: each.description() }))
  const flags = path === '' ? inherited : [...flagsOf(command), ...inherited]
  const below = command.commands.flatMap(each =>
    stepsOf(each, path === '' ? each.name() : `${path} ${each.name()}`, inherited),
  )
  return [{ path, commands, flags }, ...below]
}

function flagsOf(command: Command): Step['flags'] {
  return command.options.flatMap(({ long, description }) =>
    typeof long === 'string' ? [{ long, doc: description }] : [],
  )
}

function wordsOf(step: Step): string {
  return [...step.commands.map(each => each.name), ...step.flags.map(each => each.long)].join(' ')
}

/** `"$path $word"` of every step: how the words typed so far lead down the tree. */
function turns(steps: readonly Step[]): string {
  const paths = steps.map(step => step.path).filter(path => path !== '')
  return paths.map(path => (path.includes(' ') ? `"${path}"` : `" ${path}"`)).join('|')
}

function bash(steps: readonly Step[]): string {
  const cases = steps.map(step => `    "${step.path}") words="${wordsOf(step)}" ;;`)
  return `# viewstamp: eval "$(viewstamp completion bash)"
_viewstamp() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
      ${turns(steps)}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _viewstamp viewstamp
`
}

function zsh(steps: readonly Step[]): string {
  const cases = steps.map(step => `    "${step.path}") reply=(${wordsOf(step)}) ;;`)
  return `#compdef viewstamp
# viewstamp: source <(viewstamp completion zsh)
_viewstamp() {
  local where="" word
  local -a reply
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$where $word" in
      ${turns(steps)}) where="\${where:+$where }$word" ;;
    esac
  done
  case "$where" in
${cases.join('\n')}
  esac
  compadd -a reply || _files
}
compdef _viewstamp viewstamp
`
}

function fish(steps: readonly Step[]): string {
  const lines = steps.flatMap(step => {
    const words = step.path === '' ? [] : step.path.split(' ')
    const names = step.commands.map(each => each.name).join(' ')
    const seen = words.map(word => `__fish_seen_subcommand_from ${word}`)
    const unseen = names === '' ? [] : [`not __fish_seen_subcommand_from ${names}`]
    const when = [...seen, ...unseen].join('; and ')
    const commands = step.commands.map(
      ({ name, doc }) => `complete -c viewstamp -f -n '${when}' -a ${name} -d ${quote(doc)}`,
    )
    const flags = step.flags.map(
      ({ long, doc }) => `complete -c viewstamp -n '${when}' -l ${long.slice(2)} -d ${quote(doc)}`,
    )
    return step.path !== '' && step.commands.length > 0 ? commands : [...commands, ...flags]
  })
  return `# viewstamp: viewstamp completion fish | source\n${lines.join('\n')}\n`
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
