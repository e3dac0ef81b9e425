/** Questions about feeds, as text without spaces, and their answers, as a node gives them (src/node/feed-hub.ts). */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import { Rejected } from '../../machine/machine.ts'

export const isOfFeeds = (text: string): boolean => text.startsWith('{')

/** An answer begins so when the text of a chunk is not to be had. */
export const LACKS = '{"lacks":'

/**
 * JSON of what was found, or {"e":{name, data}} of what was refused. A chunk that is on disk only is read there.
 * The state and its chunks are of one op here, where a node may find that one has gone meanwhile.
 */
export function answerOf(
  question: string,
  ask: (query: Json) => Json,
  readCold: (id: string) => string | undefined,
): string {
  const query = JSON.parse(question) as JsonObject
  try {
    let answer = ask(query)
    while (isObject(answer) && typeof answer['needs'] === 'string') {
      const id = answer['needs']
      const text = readCold(`feed/${id}`)
      if (text === undefined) return `${LACKS}${JSON.stringify(id)}}`
      answer = ask({ ...query, from: Number(answer['next']), chunk: { id, text } })
    }
    return JSON.stringify(answer)
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    return JSON.stringify({ e: { name: error.errorName, data: error.data } })
  }
}
