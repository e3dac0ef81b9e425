/** sm list, submit, query: state machines of the user's own. */
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { parseValue, printable, showValue } from '../value.ts'

export const list: Run = async context => {
  const answer = await context.client().sm.list()
  const { machines } = answer
  context.output.print({
    whole: answer,
    items: machines,
    people: () => ({
      titles: ['MACHINE', 'VERSION>'],
      rows: machines.map(({ name, version }) => [name, String(version)]),
    }),
  })
  return EXIT.ok
}

const ask =
  (how: 'submit' | 'query'): Run =>
  async (context, [machine = '', command = '']) => {
    const answer = await context.client().sm[how](machine, parseValue(command))
    const { result } = answer
    context.output.print({
      whole: answer,
      raw: () => (typeof result === 'string' ? result : JSON.stringify(result)),
      people: () => printable(showValue(result)),
    })
    return EXIT.ok
  }

export const submit = ask('submit')
export const query = ask('query')
