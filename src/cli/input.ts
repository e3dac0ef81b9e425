/** What is piped in or read from a file: text in UTF-8, whole or line by line. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { UsageError } from './usage-error.ts'

const CHARS_MAX = 256 * 1024 * 1024

/** A file's text, or standard input's for `-`. */
export async function readText(file: string): Promise<string> {
  const parts: string[] = []
  let chars = 0
  for await (const part of partsOf(file)) {
    chars += part.length
    if (chars > CHARS_MAX) {
      throw new UsageError(`${nameOf(file)} is longer than the limit of ${CHARS_MAX} characters`)
    }
    parts.push(part)
  }
  return parts.join('')
}

export function linesOf(file: string): AsyncIterable<string> {
  const input = Readable.from(partsOf(file))
  return createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
}

/** Bytes that are no text are refused: as text they would be others. */
async function* partsOf(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const input = file === '-' ? process.stdin : createReadStream(file)
  try {
    for await (const part of input) yield decoder.decode(part as Buffer, { stream: true })
    yield decoder.decode()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      throw new UsageError(
        `${nameOf(file)} is not UTF-8; bytes are stored as {"$bytes":"<base64>"}`,
      )
    }
    throw new UsageError(`${nameOf(file)} cannot be read (${code ?? error})`)
  }
}

const nameOf = (file: string): string => (file === '-' ? 'standard input' : file)
