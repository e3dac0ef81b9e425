/** kv history: the last versions of a key, newest first. */
import type { Result, Version } from '../../client/exports.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { printable, showValue } from '../value.ts'
import { reading } from './kv-read.ts'

const LIMIT = 20
/** Versions asked for in one call. */
const PAGE = 1_000

export const history: Run = async (context, [key = ''], given) => {
  const limit = given.integer('limit', 1) ?? LIMIT
  const client = context.client()
  const versions: Version[] = []
  let cursor: string | undefined
  let answer: Result<'kv.history'>
  do {
    const page = Math.min(limit - versions.length, PAGE)
    answer = await client.kv.history(key, { limit: page, cursor, ...reading(given) })
    versions.push(...answer.versions)
    cursor = answer.cursor
  } while (cursor !== undefined && versions.length < limit)
  if (versions.length === 0) context.note(`${showValue(key)} has no versions in the log`)
  if (answer.more && cursor === undefined) {
    context.note(`older versions are not kept: the log begins at rev ${answer.firstRev}`)
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

function row({ rev, timeMs, value, deleted, correlationId }: Version): string[] {
  const time = typeof timeMs === 'number' ? new Date(timeMs).toISOString() : ''
  const shown = deleted === true ? '(deleted)' : printable(showValue(value))
  return [String(rev), time, shown, String(correlationId ?? '')]
}
