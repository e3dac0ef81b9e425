/**
 * Reads again, slowly and over and over, what a restart would rely on: the log, and the records of the
 * checkpoint, with the texts of cold ones. A disk that rots in silence is found while the others still have what it lost. Through the
 * store's own reading, so that what is found here is found by the next start as well, and nothing else is.
 */
import { coldBytes } from '../vr/cold.ts'
import type { Store } from './port.ts'

export interface ScrubOptions {
  /** From the start of one pass to that of the next, at the least. */
  readonly everyMs: number
  readonly bytesPerSecond: number
}

export interface ScrubPorts {
  readonly store: Pick<Store, 'readEntries' | 'readRecords' | 'readCold'>
  /** What is durable now, of each shard. */
  readonly logs: () => readonly {
    readonly shard: number
    readonly first: number
    readonly last: number
  }[]
  /** Somebody waits for this node: not now. */
  readonly isBusy: () => boolean
  readonly nowMs: () => number
  /** Resolves early when the scrubber is stopped. */
  readonly wait: (ms: number, stopped: AbortSignal) => Promise<void>
  /** What a read gave instead of what was written; the end of it. */
  readonly failed: (error: unknown) => void
}

export interface ScrubFigures {
  /** Read since the start. */
  bytes: number
  passes: number
  /** When the last whole pass ended, by `nowMs`. */
  lastPassMs: number | undefined
}

const STEP_BYTES = 256 * 1024
/** What is read at least counts as this much: small entries cost their time too. */
const ENTRY_BYTES = 128
const BUSY_MS = 200
/** Under load that never ends it goes on nevertheless, fifty times as slowly. */
const BUSY_TIMES = 50

export class Scrub {
  readonly figures: ScrubFigures = { bytes: 0, passes: 0, lastPassMs: undefined }
  readonly #ports: ScrubPorts
  readonly #options: ScrubOptions
  readonly #stopped = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(ports: ScrubPorts, options: ScrubOptions) {
    this.#ports = ports
    this.#options = options
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Nothing is read any more when it resolves. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  get #isOver(): boolean {
    return this.#stopped.signal.aborted
  }

  async #run(): Promise<void> {
    try {
      for (let next = this.#options.everyMs; !this.#isOver; ) {
        await this.#ports.wait(next, this.#stopped.signal)
        const started = this.#ports.nowMs()
        await this.#pass()
        if (this.#isOver) return
        this.figures.passes++
        this.figures.lastPassMs = this.#ports.nowMs()
        next = Math.max(0, this.#options.everyMs - (this.figures.lastPassMs - started))
      }
    } catch (error) {
      this.#ports.failed(error)
    }
  }

  async #pass(): Promise<void> {
    for (const { shard, first, last } of this.#ports.logs()) {
      await this.#entries(shard, first, last)
      await this.#records(shard)
    }
  }

  async #entries(shard: number, first: number, last: number): Promise<void> {
    for (let op = first; op <= last; ) {
      await this.#turn()
      if (this.#isOver) return
      const entries = await this.#ports.store.readEntries(shard, op, last, STEP_BYTES)
      const now = this.#ports.logs().find(each => each.shard === shard)?.first ?? op
      // None: the log was cut from below or from above meanwhile; what it lacks is no damage.
      if (entries.length === 0 && now <= op) return
      op = Math.max(op + entries.length, now)
      await this.#spend(entries.reduce((sum, entry) => sum + entry.bytes.length + ENTRY_BYTES, 0))
    }
  }

  /** In pieces, each a reading of its own: a checkpoint is kept on disk for whoever reads it. */
  async #records(shard: number): Promise<void> {
    for (let after: string | undefined; ; ) {
      await this.#turn()
      if (this.#isOver) return
      let bytes = 0
      for await (const { id, value = '', cold } of this.#ports.store.readRecords(shard, after)) {
        after = id
        bytes += id.length + value.length + ENTRY_BYTES
        if (cold !== undefined) await this.#ports.store.readCold(shard, id, value)
        if (cold !== undefined) bytes += coldBytes(value)
        if (bytes >= STEP_BYTES) break
      }
      await this.#spend(bytes)
      if (bytes < STEP_BYTES) return
    }
  }

  async #turn(): Promise<void> {
    for (let i = 0; i < BUSY_TIMES && this.#ports.isBusy() && !this.#isOver; i++) {
      await this.#ports.wait(BUSY_MS, this.#stopped.signal)
    }
  }

  async #spend(bytes: number): Promise<void> {
    this.figures.bytes += bytes
    const ms = (1000 * bytes) / this.#options.bytesPerSecond
    await this.#ports.wait(ms, this.#stopped.signal)
  }
}
