/** What this client has seen of each shard, so that a `session` read is never older than that. */
import { isObject, type JsonObject } from '../base/json.ts'

export class Revs {
  readonly #byShard = new Map<string, number>()

  /** A write's rev, or that of the key that a read gave. */
  note(result: JsonObject): void {
    const header = result['header']
    const shard = isObject(header) ? header['shard'] : undefined
    if (typeof shard !== 'string') return
    const seen = Math.max(revOf(result), this.#byShard.get(shard) ?? 0)
    this.#byShard.set(shard, seen)
  }

  /** Of the one shard there is when none is named. */
  of(shard: string | undefined): number {
    if (shard !== undefined) return this.#byShard.get(shard) ?? 0
    return Math.max(0, ...this.#byShard.values())
  }
}

function revOf({ rev, kv }: JsonObject): number {
  if (typeof rev === 'number') return rev
  const read = isObject(kv) ? kv['rev'] : undefined
  return typeof read === 'number' ? read : 0
}
