/**
 * `import`: what one operation of another cluster changed, taken over as it was there: at the same rev, with the
 * same createRev, version and time to live. So a log of state changes, replayed from its beginning into an empty
 * cluster, ends in the same state hash.
 */
import type { Json, JsonObject } from '../../base/json.ts'
import { Rejected } from '../machine.ts'
import { integerOf, invalid, listOf, objectOf } from '../member.ts'
import { keyMember } from './command.ts'
import { textOfValue } from './value.ts'
import type { Work } from './work.ts'

/** `takeOver`: of what became of feeds in the same operation. */
export function importChanges(
  work: Work,
  command: JsonObject,
  takeOver: (changes: readonly Json[]) => void,
): Json {
  const { rev } = work
  const wanted = integerOf(command, 'rev', { min: 1, max: Number.MAX_SAFE_INTEGER })
  if (wanted === undefined) throw invalid('rev', 'rev is missing')
  if (wanted !== rev) {
    const message = `what had rev ${wanted} where it comes from would have rev ${rev} here`
    throw new Rejected('COMPARE_FAILED', message, { rev })
  }
  for (const change of listOf(command, 'changes')) importChange(work, objectOf(change, 'changes'))
  // Last: it cannot be taken back.
  if (command['feeds'] !== undefined) takeOver(listOf(command, 'feeds'))
  return { rev }
}

/** Without a value the key goes. createRev and version: as a put would have them, unless they are given. */
function importChange(work: Work, change: JsonObject): void {
  const key = keyMember(change)
  const { value } = change
  if (value === undefined) return work.remove(key)
  work.put(key, {
    value,
    text: textOfValue(value),
    createRev: integerOf(change, 'createRev', { min: 1, max: work.rev }),
    version: integerOf(change, 'version', { min: 1, max: work.rev }),
    expiresMs: integerOf(change, 'expiresMs', { min: 1, max: Number.MAX_SAFE_INTEGER }) ?? 0,
  })
}
