/** The OpenRPC document, from the method tables. https://spec.open-rpc.org */
import { ERRORS } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import { META } from './meta.ts'
import type { Method } from './method.ts'
import { order } from './method.ts'
import { COMPONENTS } from './methods/result.ts'
import { described } from './schema.ts'

export function openRpcDocument(methods: ReadonlyMap<string, Method>, version: string): JsonObject {
  return {
    openrpc: '1.3.2',
    info: {
      title: 'Viewstamp',
      version,
      description:
        'A peer-to-peer replicated state machine. JSON-RPC 2.0 over POST /rpc and WebSocket /rpc.',
      license: { name: 'Apache-2.0' },
    },
    // What is off here is not offered.
    methods: [...methods.values()].filter(({ off }) => off === undefined).map(describe),
    components: {
      schemas: { ...COMPONENTS, Meta: META.json },
      errors: Object.fromEntries(
        Object.entries(ERRORS).map(([name, row]) => [name, { code: row.code, message: name }]),
      ),
    },
  }
}

function describe(method: Method): JsonObject {
  const params = method.fields.map(([name, field]) => ({
    name,
    description: field.doc,
    required: field.need === 'must',
    schema: described(field),
  }))
  return {
    name: method.name,
    summary: method.doc,
    description: `By position: ${order(method)}. One more object at the end is meta.`,
    paramStructure: 'either',
    params: [
      // Parameters that must be there come first, as the specification wants it.
      ...params.filter(param => param.required),
      ...params.filter(param => !param.required),
      { name: 'meta', required: false, schema: { $ref: '#/components/schemas/Meta' } },
    ],
    result: { name: 'result', schema: method.result },
    tags: [{ name: method.kind }],
  }
}
