/**
 * A long text as state records: pieces of bounded size, so that no single record is larger than what
 * a message or a write can hold, and a change near the end leaves the pieces before it as they are.
 */
import type { Frozen, StateRecord } from './machine.ts'

const CHUNK_CHARS = 64 * 1024

export const chunkId = (i: number): string => String(i).padStart(8, '0')

/** No piece ends between the halves of a surrogate pair: each is UTF-8 of its own. */
export function chunksOf(text: string): readonly string[] {
  const chunks: string[] = []
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + CHUNK_CHARS, text.length)
    const last = text.charCodeAt(end - 1)
    if (end < text.length && last >= 0xd800 && last < 0xdc00) end--
    chunks.push(text.slice(at, end))
    at = end
  }
  return chunks
}

export class Chunks implements Frozen {
  readonly #chunks: readonly string[]

  constructor(chunks: readonly string[]) {
    this.#chunks = chunks
  }

  *records(after: string | undefined): Generator<StateRecord, undefined> {
    for (const [i, value] of this.#chunks.entries()) {
      const id = chunkId(i)
      if (after === undefined || id > after) yield { id, value }
    }
  }

  record(id: string): string | undefined {
    return this.#chunks[Number(id)]
  }
}
