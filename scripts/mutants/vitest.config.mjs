/** As vitest.config.ts, with the text of one mutant: its name is in MUTANT. */
import { mergeConfig } from 'vitest/config'
import config from '../../vitest.config.ts'
import { MUTANTS } from './table.mjs'

const mutant = MUTANTS.find(({ name }) => name === process.env.MUTANT)
if (mutant === undefined) throw new Error(`no mutant is called ${process.env.MUTANT}`)

export default mergeConfig(config, {
  root: new URL('../..', import.meta.url).pathname,
  plugins: [
    {
      name: 'mutant',
      enforce: 'pre',
      transform(code, id) {
        const mine = mutant.patches.filter(({ file }) => id.split('?')[0].endsWith(`/src/${file}`))
        if (mine.length === 0) return undefined
        let text = code
        for (const { file, find, replace } of mine) {
          const before = text
          text = text.replace(find, replace)
          if (text === before) throw new Error(`the patch of src/${file} finds nothing: ${find}`)
        }
        return { code: text, map: null }
      },
    },
  ],
})
