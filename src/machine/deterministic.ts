/**
 * `assertDeterministic`: what a machine must hold to be replicated, tried on the commands given. It
 * runs twice side by side; one of the two is built again from its own records before each command,
 * as a replica is that restarts or catches up.
 */
import type { Json } from '../base/json.ts'
import type { MachineService } from './compose.ts'
import { createService } from './compose.ts'
import type { MachineDefinition } from './define.ts'
import { checkDefinition } from './define.ts'
import { instantiate } from './defined.ts'
import type { ApplyContext, Machine } from './machine.ts'
import { decodeResult, encodeOperation } from './operation.ts'

/** A definition, or a function that makes a new machine. */
export type MachineSource<State> = MachineDefinition<State> | (() => Machine)

/** Throws an Error that names the first command after which the two differ. */
export function assertDeterministic<State>(
  source: MachineSource<State>,
  commands: readonly Json[],
): void {
  const machines = [makeMachine(source), makeMachine(source)] as const
  const name = machines[0].name
  const [steady, restarted] = [createService([machines[0]]), createService([machines[1]])]
  for (const [i, command] of commands.entries()) {
    reload(restarted)
    const operation = encodeOperation(name, command)
    const before = steady.stateHash()
    const answers = [steady, restarted].map(s => s.execute(operation, contextAt(i), []))
    const [first, second] = answers.map(answer => JSON.stringify(decodeResult(answer ?? operation)))
    const what = `command ${i}, ${JSON.stringify(command).slice(0, 200)}`
    if (first !== second) throw new Error(`${what}, is answered ${first} and ${second}`)
    if (steady.stateHash() !== restarted.stateHash()) {
      throw new Error(`after ${what}, state and restored state differ`)
    }
    if (first?.startsWith('{"type":"error"') && steady.stateHash() !== before) {
      throw new Error(`${what}, was refused and has changed the state`)
    }
  }
}

function makeMachine<State>(source: MachineSource<State>): Machine {
  if (typeof source === 'function') return source()
  checkDefinition(source)
  return instantiate(source)
}

/** Log time goes on by a second with each command. */
function contextAt(i: number): ApplyContext {
  const timeMs = 1_700_000_000_000 + 1000 * i
  return { opNumber: i + 1, rev: i + 1, timeMs, session: 'assertDeterministic' }
}

function reload(service: MachineService): void {
  const records = [...service.freeze().records(undefined)]
  service.clear()
  for (const record of records) service.load(record)
}
