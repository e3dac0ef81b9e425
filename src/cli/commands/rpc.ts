/** rpc METHOD [JSON]: any call, its answer as it came. */
import { isObject, type JsonObject } from '../../base/json.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { UsageError } from '../usage-error.ts'
import { parseJson } from '../value.ts'

export const rpc: Run = async (context, [method = '', text = '{}']) => {
  const params = parseJson(text, 'JSON')
  if (!isObject(params)) throw new UsageError('params go by name: an object such as {"key":"x"}')
  const answer = await context.client().call(method, params as JsonObject)
  context.output.print({
    whole: answer,
    items: [answer],
    people: () => JSON.stringify(answer, null, 2),
  })
  return EXIT.ok
}
