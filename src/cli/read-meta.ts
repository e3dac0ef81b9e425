/** `--consistency` as the `meta` of a call; nothing where it was not given. */
import type { JsonObject } from '../base/json.ts'
import type { Given } from './given.ts'

export function readMeta(given: Given): JsonObject {
  const consistency = given.choice('consistency', ['linearizable', 'session', 'local'])
  return consistency === undefined ? {} : { meta: { consistency } }
}
