/** sm list, submit, query: state machines of the user's own. */
import type { Json } from '../../base/json.ts'
import { objects } from '../cluster-nodes.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { parseValue, printable, showValue } from '../value.ts'

export const list: Run = async context => {
  const answer = await context.client().call('sm.list')
  const machines = objects(answer['machines'])
  context.output.print({
    whole: answer,
    items: machines,
    people: () => ({
      titles: ['MACHINE', 'VERSION>'],
      rows: machines.map(({ name, version }) => [String(name), String(version)]),
    }),
  })
  return EXIT.ok
}

const ask =
  (method: 'sm.submit' | 'sm.query'): Run =>
  async (context, [machine = '', command = '']) => {
    const answer = await context.client().call(method, { machine, command: parseValue(command) })
    const result = (answer['result'] ?? null) as Json
    context.output.print({
      whole: answer,
      raw: () => (typeof result === 'string' ? result : JSON.stringify(result)),
      people: () => printable(showValue(result)),
    })
    return EXIT.ok
  }

export const submit = ask('sm.submit')
export const query = ask('sm.query')
