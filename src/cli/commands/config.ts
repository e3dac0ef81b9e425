/** config check, print, schema: what a daemon would run with, without starting one. */
import { stringify } from 'yaml'
import { ConfigError, configJsonSchema, loadConfig, writtenConfig } from '../../daemon/config.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { overridesOf } from '../start-flags.ts'

export const check: Run = async (context, [file], given) => {
  try {
    const config = loadConfig({ file: file ?? given.text('config'), overrides: overridesOf(given) })
    const { name, dataDir } = config.node
    context.output.print({
      whole: { ok: true, problems: [] },
      people: () => `ok: node ${name}, data in ${dataDir}`,
    })
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const { problems } = error
    context.output.print({
      whole: { ok: false, problems },
      people: () => problems.join('\n'),
      raw: () => problems.join('\n'),
    })
    return EXIT.usage
  }
}

export const print: Run = async (context, [file], given) => {
  const config = loadConfig({ file: file ?? given.text('config'), overrides: overridesOf(given) })
  const whole = writtenConfig(config)
  const yaml = stringify(whole).trimEnd()
  context.output.print({ whole, people: () => yaml, raw: () => yaml })
  return EXIT.ok
}

export const schema: Run = async context => {
  const whole = configJsonSchema()
  const text = JSON.stringify(whole, null, 2)
  context.output.print({ whole, people: () => text, raw: () => text })
  return EXIT.ok
}
