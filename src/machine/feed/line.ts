/**
 * A record as it is stored: the JSON text of what a reader gets, made once, without the members that say
 * which feed and partition it is in. It begins with offset and time, so that both are read without
 * parsing; lines of a chunk are joined by newlines, which JSON text does not hold.
 *
 *   "offset":12,"timeMs":1700000000000,"rev":7,"key":…,"value":…,"headers":{…},…}
 */
import type { Json, JsonObject } from '../../base/json.ts'

const OFFSET_AT = '"offset":'.length
const TIME_NAME = ',"timeMs":'.length

export const lineOf = (offset: number, rest: string): string => `"offset":${offset},${rest}`

/** What stands before each line of the partition when it is given to a reader. */
export const lineHead = (feed: string, partition: number): string =>
  `{"feed":${JSON.stringify(feed)},"partition":${partition},`

export const offsetIn = (line: string): number =>
  Number(line.slice(OFFSET_AT, line.indexOf(',', OFFSET_AT)))

export function timeIn(line: string): number {
  const start = line.indexOf(',', OFFSET_AT) + TIME_NAME
  return Number(line.slice(start, line.indexOf(',', start)))
}

export function parseLine(line: string): JsonObject {
  const json: Json = JSON.parse(`{${line}`)
  return json as JsonObject
}
