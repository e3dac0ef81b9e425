/** All mutants. scripts/mutants.mjs says what is done with them. */
import { CLIENTS } from './clients.mjs'
import { FEEDS } from './feeds.mjs'
import { FENCE } from './fence.mjs'
import { HARMLESS as HARMLESS_ROWS } from './harmless.mjs'
import { NORMAL } from './normal.mjs'
import { READS } from './reads.mjs'
import { REPAIR } from './repair.mjs'
import { STANDBY } from './standby.mjs'
import { DUE, STORAGE } from './storage.mjs'
import { STORE } from './store.mjs'
import { TRANSFER } from './transfer.mjs'
import { VIEWS } from './views.mjs'

export { DUE }

/**
 * One mutant: `patches` of the text of src/<file> (finding nothing is an error), `p` its number in the test
 * plan, if it has one, `why` the bug in one line, `by` the properties expected to say so; `test` the test file
 * that catches it where the simulator does not reach, `storage` that it is one of src/storage, run under the
 * seeds, `trace` the scene where what it takes is too rare.
 */
const whole = ({ file, find, replace, ...mutant }) =>
  file === undefined ? mutant : { ...mutant, patches: [{ file, find, replace }] }

export const MUTANTS = [
  ...NORMAL,
  ...READS,
  ...VIEWS,
  ...TRANSFER,
  ...REPAIR,
  ...STANDBY,
  ...CLIENTS,
  ...FENCE,
  ...STORAGE,
  ...FEEDS,
  ...STORE,
].map(whole)
export const HARMLESS = HARMLESS_ROWS.map(whole)

/** For loadSimulator; undefined: no mutant of the simulator is called so. */
export function patchesOf(name) {
  return MUTANTS.find(mutant => mutant.name === name && mutant.test === undefined)?.patches
}
