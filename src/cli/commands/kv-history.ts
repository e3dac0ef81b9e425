/** kv history: the last versions of a key, newest first. */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { printable, showValue } from '../value.ts'
import { meta } from './kv-read.ts'

const LIMIT = 20
/** Versions asked for in one call. */
const PAGE = 1_000

export const history: Run = async (context, [key = ''], given) => {
  const limit = given.integer('limit', 1) ?? LIMIT
  const client = context.client()
  const versions: JsonObject[] = []
  let cursor: Json | undefined
  let answer: JsonObject
  do {
    answer = await client.call('kv.history', {
      key,
      limit: Math.min(limit - versions.length, PAGE),
      ...(cursor !== undefined && { cursor }),
      ...meta(given),
    })
    versions.push(...(answer['versions'] as readonly Json[]).filter(isJsonObject))
    cursor = answer['cursor']
  } while (cursor !== undefined && versions.length < limit)
  if (versions.length === 0) context.note(`${showValue(key)} has no versions in the log`)
  if (answer['more'] === true && cursor === undefined) {
    context.note(`older versions are not kept: the log begins at rev ${answer['firstRev']}`)
  }
  context.output.print({
    whole: { ...answer, versions },
    items: versions,
    people: () => ({
      titles: ['REV>', 'TIME', 'VALUE', 'CORRELATION'],
      rows: versions.map(row),
    }),
  })
  return versions.length === 0 ? EXIT.notFound : EXIT.ok
}

const isJsonObject = (value: Json): value is JsonObject => isObject(value)

function row({ rev, timeMs, value, deleted, correlationId }: JsonObject): string[] {
  const time = typeof timeMs === 'number' ? new Date(timeMs).toISOString() : ''
  const shown = deleted === true ? '(deleted)' : printable(showValue(value as Json))
  return [String(rev), time, shown, String(correlationId ?? '')]
}
