/**
 * One subscription: events in order, counted by one, none left out. What the connection cannot take
 * waits in a bounded queue. When that is full, a source that can start again from a rev is let go and
 * taken up again once the queue is empty; who takes nothing at all, or is too late to go on, gets
 * `closed` with where to resume. Contract §5, "Notifications".
 */
import { ERRORS } from '../base/errors.ts'
import type { Position } from '../node/api.ts'
import { known, type RpcLog } from './errors.ts'
import { QUEUE_BYTES_MAX } from './limits.ts'
import type { EventSource, SourceEvent, Start, SubscriptionInfo } from './method.ts'

export interface Link {
  send(text: string): void
  /** It holds as many unsent bytes as it should. */
  readonly full: boolean
}

export interface SubscriptionOptions {
  readonly id: string
  readonly source: EventSource
  readonly link: Link
  readonly queueMax: number
  readonly nowMs: () => number
  readonly log: RpcLog
}

type Running = ReturnType<EventSource['start']>

export class Subscription {
  readonly #options: SubscriptionOptions
  #running: Running | undefined
  /** Grows when the source is let go: what an old run still delivers is ignored. */
  #run = 0
  /** Let go: where to go on from. */
  #resumeFrom: Position | undefined
  #queue: string[] = []
  #queueBytes = 0
  #n = 0
  /** Revs up to here have been handed over. */
  #rev: number | undefined
  /** Of a source of several shards: everything before it has been handed over. */
  #cursor: string | undefined
  #answered = false
  #ended = false
  #sentSinceTick = 0

  constructor(options: SubscriptionOptions) {
    this.#options = options
  }

  /** No event will come any more, and none waits. */
  get finished(): boolean {
    return this.#ended && this.#queue.length === 0
  }

  get info(): SubscriptionInfo {
    const { id, source } = this.#options
    return { subscription: id, method: source.method, n: this.#n, queued: this.#queue.length }
  }

  /** Throws what the source throws. */
  start(): Start {
    const { startRev, cursor } = this.#start(undefined)
    if (startRev !== undefined) this.#rev = startRev - 1
    this.#cursor = cursor
    return { startRev, cursor }
  }

  /** The answer that names it has been sent: events may follow. */
  answered(): void {
    this.#answered = true
    this.drained()
  }

  /** The link has room again. */
  drained(): void {
    const { link } = this.#options
    if (!this.#answered) return
    while (this.#queue.length > 0 && !link.full) {
      const text = this.#queue.shift() ?? ''
      this.#queueBytes -= text.length
      this.#send(text)
    }
    if (this.#queue.length === 0 && this.#resumeFrom !== undefined && !this.#ended) this.#resume()
  }

  /** Every few seconds: a sign of life with the rev reached, or the end for who takes nothing. */
  tick(): void {
    if (this.#ended || !this.#answered) return
    if (this.#resumeFrom !== undefined && this.#sentSinceTick === 0) this.#closeSlow()
    else if (this.#queue.length === 0 && !this.#options.link.full) this.#bookmark()
    this.#sentSinceTick = 0
  }

  cancel(): void {
    this.#ended = true
    this.#queue = []
    this.#letGo()
  }

  #start(from: Position | undefined): Running {
    const run = ++this.#run
    const running = this.#options.source.start(
      from,
      event => {
        if (run === this.#run) this.#offer(event)
      },
      error => {
        if (run === this.#run) this.#close(error.errorName, error.message)
      },
    )
    // It may have filled the queue before it returned.
    if (run === this.#run) this.#running = running
    else running.cancel()
    return running
  }

  #letGo(): void {
    this.#run++
    this.#running?.cancel()
    this.#running = undefined
  }

  #offer(event: SourceEvent): void {
    if (this.#ended) return
    const { queueMax, source } = this.#options
    if (this.#queue.length < queueMax && this.#queueBytes < QUEUE_BYTES_MAX) {
      if (event.rev !== undefined) this.#rev = event.rev
      if (event.cursor !== undefined) this.#cursor = event.cursor
      this.#put(this.#text(event))
    } else if (source.resumable && event.rev !== undefined) {
      this.#resumeFrom = this.#cursor ?? event.rev
      this.#letGo()
    } else {
      this.#closeSlow()
    }
  }

  #resume(): void {
    const from = this.#resumeFrom
    this.#resumeFrom = undefined
    try {
      this.#start(from)
    } catch (error) {
      this.#resumeFrom = from
      const told = known(error, this.#options.source.method, 'read', this.#options.log)
      this.#close(told.errorName, told.message)
    }
  }

  #closeSlow(): void {
    this.#close(
      'SLOW_CONSUMER',
      'events came faster than they were read: subscribe again from here',
    )
  }

  /** The last event, behind those that wait. */
  #close(name: keyof typeof ERRORS, message: string): void {
    if (this.#ended) return
    const behind = this.#rev === undefined ? 'now' : this.#rev + 1
    const resumeFrom = this.#resumeFrom ?? this.#cursor ?? behind
    const result = { name, code: ERRORS[name].code, message, resumeFrom }
    const timeMs = this.#options.nowMs()
    const text = this.#text({ kind: 'closed', ...this.#reached(), timeMs, result })
    this.#ended = true
    this.#letGo()
    this.#put(text)
  }

  #bookmark(): void {
    const reached = this.#running?.reached?.()
    if (typeof reached === 'string') this.#cursor = reached
    else if (reached !== undefined && reached > (this.#rev ?? -1)) this.#rev = reached
    const timeMs = this.#options.nowMs()
    this.#put(this.#text({ kind: 'bookmark', ...this.#reached(), timeMs, result: {} }))
  }

  /** A rev says nothing where there are several shards. */
  #reached(): Pick<SourceEvent, 'rev' | 'cursor'> {
    return this.#cursor === undefined ? { rev: this.#rev } : { cursor: this.#cursor }
  }

  #text(event: SourceEvent): string {
    const { kind, rev, shard, cursor, view, timeMs, result } = event
    const subscription = this.#options.id
    const n = ++this.#n
    const params = { subscription, n, kind, rev, shard, cursor, view, timeMs }
    const head = JSON.stringify(params).slice(0, -1)
    const text = event.text ?? JSON.stringify(result)
    return `{"jsonrpc":"2.0","method":"sub.event","params":${head},"result":${text}}}`
  }

  #put(text: string): void {
    if (this.#answered && this.#queue.length === 0 && !this.#options.link.full) {
      this.#send(text)
      return
    }
    this.#queue.push(text)
    this.#queueBytes += text.length
  }

  #send(text: string): void {
    this.#sentSinceTick++
    this.#options.link.send(text)
  }
}
