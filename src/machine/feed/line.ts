/**
 * A record as it is stored: the JSON text of what a reader gets, made once, without the members that say
 * which feed and partition it is in. It begins with offset and time, so that both are read without
 * parsing; lines of a chunk are joined by newlines, which JSON text does not hold.
 *
 *   "offset":12,"timeMs":1700000000000,"rev":7,"key":…,"value":…,"headers":{…},…}
 */
import { utf8Length } from '../kv/key.ts'

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

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x00-\x7f]*$/

/** Bytes of UTF-8; most lines are ASCII, which a regular expression sees many times faster than a loop. */
export const bytesIn = (line: string): number => (ASCII.test(line) ? line.length : utf8Length(line))
