/** JSON Schemas of results, and the header that goes with each. */
import type { JsonObject } from '../../base/json.ts'
import { isObject } from '../../base/json.ts'
import type { Answer, Header } from '../../node/api.ts'
import { Headed, HeadedPublished, HeadedText } from '../headed.ts'

export const INTEGER: JsonObject = { type: 'integer' }
export const STRING: JsonObject = { type: 'string' }
export const BOOLEAN: JsonObject = { type: 'boolean' }
export const ANY: JsonObject = {}
/** A rev, or a cursor of several shards. */
export const POSITION: JsonObject = { type: ['integer', 'string'] }
export const listOf = (items: JsonObject): JsonObject => ({ type: 'array', items })
export const ref = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` })

/** A name that ends in `?` need not be there. */
export function shape(members: Readonly<Record<string, JsonObject>>): JsonObject {
  const names = Object.keys(members)
  return {
    type: 'object',
    properties: Object.fromEntries(names.map(n => [n.replace('?', ''), members[n] ?? ANY])),
    required: names.filter(name => !name.endsWith('?')),
  }
}

/** A result: its members and the header. */
export const result = (members: Readonly<Record<string, JsonObject>>): JsonObject =>
  shape({ ...members, header: ref('Header') })

/** Named parts of results, for `components` of the OpenRPC document. */
export const COMPONENTS: Readonly<Record<string, JsonObject>> = {
  Header: shape({
    cluster: STRING,
    node: STRING,
    shard: STRING,
    epoch: INTEGER,
    view: INTEGER,
    op: INTEGER,
    commit: INTEGER,
    primary: { type: ['string', 'null'] },
    timeMs: INTEGER,
  }),
  KeyValue: shape({
    key: STRING,
    'value?': ANY,
    rev: INTEGER,
    createRev: INTEGER,
    version: INTEGER,
    'expiresMs?': INTEGER,
  }),
  Change: shape({
    type: { type: 'string', enum: ['put', 'delete'] },
    key: STRING,
    rev: INTEGER,
    'value?': ANY,
    'prev?': ANY,
    'createRev?': INTEGER,
    'version?': INTEGER,
  }),
  Version: shape({
    rev: INTEGER,
    value: ANY,
    deleted: BOOLEAN,
    'timeMs?': INTEGER,
    'lamport?': INTEGER,
    'correlationId?': STRING,
  }),
  FeedRecord: shape({
    feed: STRING,
    partition: INTEGER,
    offset: INTEGER,
    timeMs: INTEGER,
    rev: INTEGER,
    'key?': STRING,
    value: ANY,
    headers: { type: 'object' },
    'lamport?': INTEGER,
    'correlationId?': STRING,
    'causationId?': STRING,
    viewstamp: shape({ view: INTEGER, op: INTEGER }),
    'id?': STRING,
  }),
  Event: shape({
    rev: INTEGER,
    'shard?': STRING,
    view: INTEGER,
    op: INTEGER,
    timeMs: INTEGER,
    lamport: INTEGER,
    'correlationId?': STRING,
    changes: listOf(ref('Change')),
  }),
}

/** The machine's result with the header beside its members; what is not an object is `result`. */
export const withHeader = (answer: Promise<Answer>): Promise<Headed> => answer.then(besideHeader)

function besideHeader(answer: Answer): Headed {
  const { resultText, lamport, header } = answer
  if (resultText?.startsWith('{')) return new HeadedText(resultText, header, lamport)
  const { result: value } = answer
  return new Headed(isObject(value) ? value : { result: value }, header, lamport)
}

/** As withHeader, of feed.publish and feed.publishBatch. */
export const publishedWithHeader = (answer: Promise<Answer>): Promise<Headed> =>
  answer.then(published => {
    const { resultText, lamport, header } = published
    if (resultText === undefined) return besideHeader(published)
    return new HeadedPublished(resultText, header, lamport)
  })

/** Whatever a machine gave, whole. */
export async function asResult(answer: Promise<Answer>): Promise<object> {
  const { result: value, rev, lamport, header } = await answer
  return {
    result: value,
    ...(rev !== undefined && { rev }),
    ...(lamport !== undefined && { lamport }),
    header,
  }
}

export function headed<T extends object>(members: T, header: Header): T & { header: Header } {
  return { ...members, header }
}
