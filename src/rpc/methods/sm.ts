/** sm.*: commands and queries of any state machine by its name. */

import { invalidParams } from '../errors.ts'
import { VALUE_BYTES_MAX } from '../limits.ts'
import { type Caller, method } from '../method.ts'
import { must, text } from '../schema.ts'
import { VALUE } from '../value.ts'
import { ANY, asResult, headed, INTEGER, listOf, result, STRING, shape } from './result.ts'

const MACHINE = must(text(64), 'name of the machine: sm.list has all')
const COMMAND = must(VALUE, `what the machine understands: JSON of up to ${VALUE_BYTES_MAX} bytes`)

export const SM = [
  method('sm.list', {
    kind: 'free',
    doc: 'The state machines of this cluster.',
    result: result({ machines: listOf(shape({ name: STRING, version: INTEGER })) }),
    run: (_, meta, { node }) => headed({ machines: node.machines() }, node.header(meta.shard)),
  }),
  method('sm.submit', {
    kind: 'write',
    doc: 'A command through the log to a machine.',
    params: { machine: MACHINE, command: COMMAND },
    positions: ['machine', 'command'],
    result: result({ result: ANY, 'rev?': INTEGER }),
    run: ({ machine, command }, meta, caller) => {
      checkMachine(caller, machine)
      return asResult(caller.node.write({ machine, keys: [], body: command, meta }))
    },
  }),
  method('sm.query', {
    kind: 'read',
    doc: 'A question to a machine, at the consistency of meta.',
    params: { machine: MACHINE, command: COMMAND },
    positions: ['machine', 'command'],
    result: result({ result: ANY, 'rev?': INTEGER }),
    run: ({ machine, command }, meta, caller) => {
      checkMachine(caller, machine)
      return asResult(caller.node.read({ machine, keys: [], body: command, meta }))
    },
  }),
]

function checkMachine({ node }: Caller, name: string): void {
  const known = node.machines().map(machine => machine.name)
  if (known.includes(name)) return
  throw invalidParams('machine', `there is no machine of that name: use one of ${known.join(', ')}`)
}
