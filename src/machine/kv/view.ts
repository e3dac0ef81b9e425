/** The keys as one operation or query sees them: at a log time, and with a bound on what it reads. */

import { READ_BYTES_MAX } from './limits.ts'
import type { KvRecord } from './record.ts'
import type { KvStore, Span } from './store.ts'

export class View {
  readonly store: KvStore
  /** A key whose time to live has passed by now counts as gone. */
  readonly timeMs: number
  #readableBytes = READ_BYTES_MAX
  /** The last look-up: most operations look twice at one key. */
  #key: string | undefined
  #stored: KvRecord | undefined

  constructor(store: KvStore, timeMs: number) {
    this.store = store
    this.timeMs = timeMs
  }

  get(key: string): KvRecord | undefined {
    const record = this.stored(key)
    return record && this.isLive(record) ? record : undefined
  }

  /** As get, expired or not. */
  protected stored(key: string): KvRecord | undefined {
    if (key !== this.#key) {
      this.#key = key
      this.#stored = this.store.get(key)
    }
    return this.#stored
  }

  /** What `stored` will give for the key from now on. */
  protected remember(key: string, stored: KvRecord | undefined): void {
    this.#key = key
    this.#stored = stored
  }

  isLive(record: KvRecord): boolean {
    return record.expiresMs === 0 || record.expiresMs > this.timeMs
  }

  *scan(span: Span, direction: 'forward' | 'back'): Generator<[string, KvRecord], undefined> {
    const pairs = direction === 'forward' ? this.store.scan(span) : this.store.scanBack(span)
    for (const pair of pairs) if (this.isLive(pair[1])) yield pair
  }

  /** Counts what is handed out; false when it would pass the bound. */
  spend(record: KvRecord): boolean {
    if (record.text.length > this.#readableBytes) return false
    this.#readableBytes -= record.text.length
    return true
  }
}
