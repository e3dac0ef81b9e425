/**
 * The head of a request as programs send it that call us all day: `POST /rpc HTTP/1.1`, a length, and
 * nothing that changes how the message is read. Whatever is not exactly that is «not plain», which is no
 * error: the standard server reads it (lane.ts).
 */
import type { IncomingHttpHeaders } from 'node:http'

export interface PlainHead {
  readonly contentLength: number
  readonly headers: IncomingHttpHeaders
}

const REQUEST_LINE = 'POST /rpc HTTP/1.1'
const LINES_MAX = 24
/** Without a meaning for the framing of the message, or for what is done with it but for our guard. */
const PLAIN_NAMES: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'host',
  'origin',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'user-agent',
])
/** A name, a colon, a value of visible ASCII and single spaces or tabs: RFC 9112 §5, without its leniences. */
const LINE = /^([A-Za-z][A-Za-z-]*):[ \t]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)$/
const LENGTH = /^(?:0|[1-9][0-9]{0,7})$/

/** `head`: the text up to the empty line. */
export function plainHead(head: string): PlainHead | undefined {
  const lines = head.split('\r\n')
  if (lines[0] !== REQUEST_LINE || lines.length > LINES_MAX) return undefined
  const headers: Record<string, string> = Object.create(null)
  for (let i = 1; i < lines.length; i++) {
    const [, given, value] = LINE.exec(lines[i] ?? '') ?? []
    if (given === undefined || value === undefined) return undefined
    const name = given.toLowerCase()
    if (!PLAIN_NAMES.has(name) || name in headers) return undefined
    headers[name] = value
  }
  const { connection, host, 'content-length': length } = headers
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return undefined
  if (host === undefined || length === undefined || !LENGTH.test(length)) return undefined
  return { contentLength: Number(length), headers }
}
