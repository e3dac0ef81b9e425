/** version: of this program; nothing is asked of a daemon (that is `viewstamp rpc system.version`). */
import { VERSION } from '../../version.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'

export const version: Run = async context => {
  const whole = { version: VERSION, node: process.version }
  context.output.print({
    whole,
    people: () => `viewstamp ${VERSION}`,
    raw: () => `viewstamp ${VERSION}`,
  })
  return EXIT.ok
}
