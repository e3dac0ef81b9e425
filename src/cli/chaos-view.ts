/** What nodes answered to a chaos command: a table for people, one object a node for programs. */
import type { Json, JsonObject } from '../base/json.ts'
import { UNREACHABLE } from '../client/error.ts'
import { formatDuration } from '../daemon/units.ts'
import type { Told } from './chaos-targets.ts'
import { objects } from './cluster-nodes.ts'
import type { Context } from './context.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'

/** Cells behind the node's name, one list for each line about it. */
type Lines = (answer: JsonObject) => readonly (readonly string[])[]

export const inForce: Lines = answer => {
  const faults = objects(answer['faults']).map(({ text, leftMs }) => {
    const ends = typeof leftMs === 'number' ? `ends in ${shown(leftMs)}` : 'until healed'
    return [String(text), ends]
  })
  return faults.length === 0 ? [['none', '']] : faults
}

export const healed: Lines = ({ healed }) => {
  const what =
    healed === 0 ? 'nothing to heal' : `healed: ${healed} fault${healed === 1 ? '' : 's'}`
  return [[what, '']]
}

export const resumed: Lines = ({ resumed }) => [[resumed ? 'goes on' : 'was not paused', '']]

export const ended: Lines = ({ pid, comesBack, run }) => [
  [`ended (pid ${pid})`, comesBack ? 'comes back' : `start it again: ${run}`],
]

/** To the second, and the last one in tenths. */
function shown(ms: number): string {
  return formatDuration(ms < 1000 ? Math.ceil(ms / 100) * 100 : Math.ceil(ms / 1000) * 1000)
}

/** Prints what was answered, tells who did not, gives the exit code. */
export function report(
  context: Context,
  told: readonly Told[],
  lines: Lines,
  expected: 'every' | 'some' = 'every',
): number {
  const answered = told.filter(({ answer }) => answer !== undefined)
  const whole = told.map(asJson)
  if (answered.length > 0 || context.output.wantsJson) {
    context.output.print({
      whole,
      items: whole,
      people: () => ({
        titles: ['NODE', 'FAULT', ''],
        rows: answered.flatMap(({ name, answer }) =>
          lines(answer ?? {}).map(cells => [context.terminal.node(name), ...cells]),
        ),
      }),
    })
  }
  for (const { name, error } of told) if (error) context.note(`${name}: ${error.message}`)
  const failed = told.flatMap(({ error }) => error ?? [])
  const ignored = expected === 'some' && answered.length > 0
  const serious = failed.filter(error => !(ignored && error.name === UNREACHABLE))
  return serious.length === 0 ? EXIT.ok : Math.max(...serious.map(exitCodeOf))
}

function asJson({ name, endpoint, answer, error }: Told): Json {
  if (answer !== undefined) {
    const { header: _, ...rest } = answer
    return { ...rest, node: name, endpoint }
  }
  return { node: name, endpoint, error: error?.name ?? '' }
}
