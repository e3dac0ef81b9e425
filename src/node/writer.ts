/**
 * The writer loop: the only way anything reaches the disk. While one synced batch is under way,
 * whatever the shards want written piles up and becomes the next one. Order: make durable, then send
 * what waited for it, then tell the core (docs/storage.md). The first error is final.
 */
import type { ShardWrite } from '../storage/port.ts'

export interface Job {
  readonly write: ShardWrite
  /** About how much it weighs, for cutting batches. */
  readonly bytes: number
  /** Called in the order of the jobs, after the batch that holds it is durable. */
  readonly done: () => void
  /** Called with the error instead, which is final. */
  readonly lost?: (error: unknown) => void
}

/** One batch holds about this much at most: bounds the latency of what comes behind. */
const BATCH_BYTES_MAX = 4 << 20
const LAZY_BYTES_MAX = 1 << 20

export interface WriterStats {
  commits: number
  jobs: number
  bytes: number
  /** Seconds spent waiting for the disk. */
  seconds: number
}

export class Writer {
  readonly stats: WriterStats = { commits: 0, jobs: 0, bytes: 0, seconds: 0 }
  readonly #commit: (writes: readonly ShardWrite[]) => Promise<void>
  readonly #fail: (error: unknown) => void
  readonly #observe: (seconds: number) => void
  #queue: Job[] = []
  #lazy: Job[] = []
  #lazyBytes = 0
  #background: Job[] = []
  #busy = false
  /** The first error: nothing is written any more. */
  #failure: { readonly error: unknown } | undefined
  #idle: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = []

  constructor(
    commit: (writes: readonly ShardWrite[]) => Promise<void>,
    fail: (error: unknown) => void,
    observe: (seconds: number) => void = () => {},
  ) {
    this.#commit = commit
    this.#fail = fail
    this.#observe = observe
  }

  /** Jobs of one shard become durable in the order given. */
  add(job: Job): void {
    if (this.#failure) return job.lost?.(this.#failure.error)
    this.#queue.push(job)
    this.#start()
  }

  /** As add: resolves when it is durable, rejects when it never is. */
  written(write: ShardWrite, bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.add({ write, bytes, done: resolve, lost: reject })
    })
  }

  /** Rides with the next batch: what is only a copy of what the log holds is worth no sync of its own. */
  addLazy(job: Job): void {
    if (this.#failure) return
    this.#lazy.push(job)
    this.#lazyBytes += job.bytes
    if (this.#lazyBytes > LAZY_BYTES_MAX) this.#start()
  }

  /** In order among themselves, few in a batch, so that a checkpoint never holds up the log. */
  addBackground(job: Job): void {
    if (this.#failure) return
    this.#background.push(job)
    this.#start()
  }

  /** A checkpoint that is being written is overtaken by one got from a peer. */
  dropBackground(shard: number): void {
    this.#background = this.#background.filter(job => job.write.shard !== shard)
  }

  #start(): void {
    if (this.#busy) return
    this.#busy = true
    // What else this turn of the event loop brings joins the first batch.
    void Promise.resolve().then(() => this.#run())
  }

  get queued(): number {
    return this.#queue.length + this.#background.length
  }

  /** Resolves when everything added so far is durable; rejects with the first error of a write. */
  async flush(): Promise<void> {
    if (this.#failure) throw this.#failure.error
    if (this.#lazy.length > 0) this.#start()
    if (!this.#busy) return
    await new Promise<void>((resolve, reject) => this.#idle.push({ resolve, reject }))
  }

  async #run(): Promise<void> {
    let jobs: Job[] = []
    try {
      while (this.#queue.length + this.#background.length > 0 || this.#flushing()) {
        jobs = this.#take()
        const before = performance.now()
        await this.#commit(jobs.map(job => job.write))
        const seconds = (performance.now() - before) / 1000
        this.stats.commits++
        this.stats.jobs += jobs.length
        this.stats.seconds += seconds
        this.#observe(seconds)
        for (const job of jobs) job.done()
      }
    } catch (error) {
      // Nothing more is acknowledged and nothing is tried again: after a failed write or sync nobody
      // knows what the disk holds.
      const lost = [...jobs, ...this.#queue]
      this.#failure = { error }
      this.#queue = []
      this.#lazy = []
      this.#background = []
      this.#fail(error)
      for (const job of lost) job.lost?.(error)
      for (const { reject } of this.#idle.splice(0)) reject(error)
      return
    }
    this.#busy = false
    for (const { resolve } of this.#idle.splice(0)) resolve()
  }

  /** Lazy jobs alone make a batch when there are many, or somebody waits for them. */
  #flushing(): boolean {
    return this.#lazy.length > 0 && (this.#idle.length > 0 || this.#lazyBytes > LAZY_BYTES_MAX)
  }

  /** One; or as much as the batch holds without it: cold records come as fast as the log that makes them. */
  #takeBackground(jobs: Job[], most: number): number {
    const isInstalling = this.#queue.some(job => job.write.install !== undefined)
    let bytes = 0
    let count = 0
    for (const job of this.#background) {
      // A checkpoint must not overtake the entries it is of; nor its records a state that they build on.
      const waits = job.write.records === undefined || isInstalling
      if (this.#queue.length > 0 && waits) break
      if (count > 0 && bytes + job.bytes > most) break
      bytes += job.bytes
      jobs.push(job)
      count++
    }
    this.#background.splice(0, count)
    return bytes
  }

  #take(): Job[] {
    const jobs = this.#lazy
    let bytes = this.#lazyBytes
    this.#lazy = []
    this.#lazyBytes = 0
    let count = 0
    for (const job of this.#queue) {
      if (count > 0 && bytes + job.bytes > BATCH_BYTES_MAX) break
      bytes += job.bytes
      jobs.push(job)
      count++
    }
    this.#queue.splice(0, count)
    bytes += this.#takeBackground(jobs, bytes)
    this.stats.bytes += bytes
    return jobs
  }
}
