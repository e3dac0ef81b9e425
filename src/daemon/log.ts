/** Messages on stderr: JSON lines by pino, or sentences on a terminal. */
import { Writable } from 'node:stream'
import pino from 'pino'
import type { Config } from './config.ts'

export type Logger = pino.Logger

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
}

export function makeLog(config: Config): Logger {
  const { level, format } = config.log
  const pretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY === true)
  const options = { level, base: { node: config.node.name } }
  return pino(options, pretty ? prettyStream() : linesOnStderr())
}

/** Lines that wait for a reader: a bounded number of characters, then they are left out. */
const UNREAD_MAX = 1024 * 1024

/** One that has gone (`2>&1 | head`) does not end the daemon. */
function linesOnStderr(): pino.DestinationStream {
  const stream = pino.destination({ fd: 2, sync: true, maxLength: UNREAD_MAX })
  stream.on('error', () => undefined)
  return stream
}

/** One sentence a line, then what belongs to it and is not in the sentence. */
function prettyStream(): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString('utf8').split('\n')) {
        if (line !== '') process.stderr.write(`${sentence(line)}\n`)
      }
      done()
    },
  })
}

export function sentence(line: string): string {
  const { time, level, msg, node: _node, event: _event, ...more } = JSON.parse(line)
  const clock = new Date(time).toISOString().slice(11, 23)
  const mark = LEVELS[level] === undefined ? '' : `${LEVELS[level]} `
  const rest = Object.entries(more)
    .map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)])
    .filter(([, value]) => !String(msg).includes(String(value)))
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')
  return `${clock} ${mark}${msg}${rest === '' ? '' : ` (${rest})`}`
}
