/** The methods of the RPC port without the port: calls by name from within the process. */
import { ViewstampError } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import type { NodeApi } from '../node/api.ts'
import { unknownMethod } from './core.ts'
import { decode } from './decode.ts'
import { LIMITS } from './limits.ts'
import { invoke } from './method.ts'
import { METHODS } from './methods/table.ts'

/**
 * The result of a call, as over HTTP: parameters and result are copies, as JSON has them. Throws
 * ViewstampError. Subscriptions are NodeApi's `watchKeys` and `watchCluster`.
 */
export async function callMethod(
  node: NodeApi,
  name: string,
  params: JsonObject = {},
): Promise<JsonObject> {
  const method = METHODS.get(name)
  if (method === undefined) throw unknownMethod(name)
  const given = decode(Buffer.from(JSON.stringify(params)), LIMITS)
  try {
    const result = await invoke(method, given, {
      node,
      sink: undefined,
      methods: METHODS,
      answered: undefined,
    })
    return JSON.parse(JSON.stringify(result))
  } catch (error) {
    // A read changes nothing, so nothing is unknown about it, however it ended.
    const isDoubt = error instanceof ViewstampError && error.outcome !== 'none'
    if (!isDoubt || method.kind !== 'read') throw error
    throw new ViewstampError(error.errorName, error.message, { ...error.details, outcome: 'none' })
  }
}
