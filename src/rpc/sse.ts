/**
 * GET /events: server-sent events, for `curl -N` and browsers. `feed=orders&from=…` gives a record per event,
 * `watch=prefix:users/` or `watch=key:x` a commit per event. The id of an event is where to go on behind it:
 * a reader that comes back with Last-Event-ID misses nothing. Who reads too slowly is let go and taken up
 * again from there; nothing is held for it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ERRORS, ViewstampError } from '../base/errors.ts'
import { isFeedName, isPattern } from '../machine/feed/name.ts'
import type { FeedEvent, FeedFrom, NodeApi, WatchFrom } from '../node/api.ts'
import { errorObject, invalidParams, known, type RpcLog } from './errors.ts'
import type { Guard } from './guard.ts'
import { isFrom, PARTITION } from './methods/feed-fields.ts'
import { FROM as WATCH_FROM, watchSource } from './methods/kv-watch.ts'

export interface EventStreamsOptions {
  readonly node: NodeApi
  readonly guard: Guard
  readonly log: RpcLog
}

const AT_ONCE_MAX = 256
/** A comment, so that whoever stands between knows that the connection is alive. */
const ALIVE_MS = 10_000

/** Where events come from, as text of SSE. */
interface Source {
  start(
    from: string | undefined,
    deliver: (text: string, position: string) => void,
    ended: (error: ViewstampError) => void,
  ): Running
}

interface Running {
  cancel(): void
  /** Where it began, as text of a position. */
  readonly cursor?: string | undefined
}

export class EventStreams {
  readonly #options: EventStreamsOptions
  readonly #open = new Set<EventStream>()

  constructor(options: EventStreamsOptions) {
    this.#options = options
  }

  async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { node, log, guard } = this.#options
    try {
      if (this.#open.size >= AT_ONCE_MAX) {
        const sentence = `${AT_ONCE_MAX} event streams are open, the limit: use another node`
        throw new ViewstampError('OVERLOADED', sentence, { limit: AT_ONCE_MAX })
      }
      const query = new URL(req.url ?? '', 'http://localhost').searchParams
      const last = req.headers['last-event-id']
      const from = (typeof last === 'string' && last !== '' ? last : query.get('from')) ?? undefined
      const source = await sourceOf(node, query)
      if (res.destroyed) return
      const stream = new EventStream(res, source, guard.stays(req.headers))
      stream.start(from)
      this.#open.add(stream)
      res.on('close', () => this.#open.delete(stream))
    } catch (error) {
      const told = known(error, 'GET /events', 'free', log)
      if (res.headersSent || res.destroyed) return void res.destroy()
      res.writeHead(statusOf(told), { 'content-type': 'application/json' })
      res.end(`${JSON.stringify({ error: errorObject(told, 'read') })}\n`)
    }
  }

  closeAll(): void {
    for (const stream of this.#open) stream.close()
  }
}

/** Of what is no JSON-RPC answer. */
export function statusOf({ code, errorName }: ViewstampError): number {
  if (errorName === 'FEED_NOT_FOUND') return 404
  if (errorName === 'TOO_LARGE') return 413
  if (code === -32602 || code > 0) return 400
  return errorName === 'INTERNAL' ? 500 : 503
}

class EventStream {
  readonly #res: ServerResponse
  readonly #source: Source
  readonly #stays: () => boolean
  readonly #alive: NodeJS.Timeout
  #running: Running | undefined
  /** Grows when the source is let go: what an old run still delivers is ignored. */
  #run = 0
  #position: string | undefined

  constructor(res: ServerResponse, source: Source, stays: () => boolean) {
    this.#res = res
    this.#source = source
    this.#stays = stays
    this.#alive = setInterval(() => this.#sayAlive(), ALIVE_MS)
    this.#alive.unref()
    res.on('close', () => this.#letGo())
    res.on('drain', () => this.#resume())
  }

  /** Throws what the source throws: before anything was sent. */
  start(from: string | undefined): void {
    this.#position = from
    try {
      this.#take(from)
    } catch (error) {
      this.#letGo()
      clearInterval(this.#alive)
      throw error
    }
    this.#res.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    this.#res.flushHeaders()
  }

  close(): void {
    this.#letGo()
    this.#res.end()
  }

  #take(from: string | undefined): void {
    const run = ++this.#run
    const deliver = (text: string, position: string): void => {
      if (run !== this.#run) return
      this.#position = position
      // What the other side does not take is not held for it.
      if (!this.#res.write(text)) this.#letGo()
    }
    const running = this.#source.start(from, deliver, error => {
      if (run === this.#run) this.#end(error)
    })
    if (run !== this.#run) return running.cancel()
    this.#running = running
    // «now» means another place when it comes back.
    if (this.#position === from) this.#position = running.cursor ?? from
  }

  #resume(): void {
    if (this.#running !== undefined || this.#res.writableEnded) return
    try {
      this.#take(this.#position)
    } catch (error) {
      if (error instanceof ViewstampError) this.#end(error)
      else this.#res.destroy()
    }
  }

  #end({ errorName: name, message, details }: ViewstampError): void {
    const { code } = ERRORS[name]
    const result = { ...details, name, code, message, resumeFrom: this.#position }
    this.#res.write(`event: closed\ndata: ${JSON.stringify(result)}\n\n`)
    this.close()
  }

  #sayAlive(): void {
    if (!this.#stays()) this.close()
    else if (!this.#res.writableNeedDrain) this.#res.write(':\n\n')
  }

  #letGo(): void {
    this.#run++
    this.#running?.cancel()
    this.#running = undefined
    if (this.#res.destroyed || this.#res.writableEnded) clearInterval(this.#alive)
  }
}

async function sourceOf(node: NodeApi, query: URLSearchParams): Promise<Source> {
  const [feed, watch] = [query.get('feed'), query.get('watch')]
  if (feed !== null && watch === null) return feedEvents(node, feed, query.get('partition'))
  if (watch !== null && feed === null) return keyEvents(node, watch)
  throw invalidParams('feed', 'say what to follow: feed=NAME, watch=key:KEY or watch=prefix:PREFIX')
}

async function feedEvents(node: NodeApi, target: string, asked: string | null): Promise<Source> {
  if (!isFeedName(target) && !isPattern(target)) {
    throw invalidParams('feed', 'feed must be the name of a feed, or a pattern as orders.*')
  }
  const partition = asked === null ? undefined : Number(asked)
  if (partition !== undefined && PARTITION.check(partition) !== undefined) {
    throw invalidParams('partition', 'partition must be the number of one')
  }
  if (!isPattern(target)) await node.feeds.known(target)
  return {
    start: (text = 'now', take, ended) => {
      const from = fromText(text)
      const deliver = (event: FeedEvent): void => {
        for (const record of event.records) {
          const next = offsetOf(record) + 1
          const id = next === event.next ? event.cursor : event.cursorAt(next)
          take(`id: ${id}\ndata: ${record}\n\n`, id)
        }
      }
      return node.feeds.subscribe({ target, partition, from, deliver, ended })
    },
  }
}

/** `@1700000000000` is a time, as the command line has it. */
export function fromText(text: string): FeedFrom {
  if (/^@\d+$/.test(text)) return { timeMs: Number(text.slice(1)) }
  if (isFrom(text)) return text
  throw invalidParams(
    'from',
    'from must be an offset, first, last, now, @TIMEMS, or the id of an event',
  )
}

const offsetOf = (record: string): number => Number(/,"offset":(\d+)/.exec(record)?.[1])

function keyEvents(node: NodeApi, watch: string): Source {
  const colon = watch.indexOf(':')
  const [kind, name] = [watch.slice(0, colon), watch.slice(colon + 1)]
  if (kind !== 'key' && kind !== 'prefix') {
    throw invalidParams('watch', 'watch must be key:KEY or prefix:PREFIX')
  }
  return {
    start: (text = 'now', take, ended) => {
      const from: WatchFrom = /^\d+$/.test(text) ? Number(text) : text
      if (WATCH_FROM.check(from) !== undefined) {
        throw invalidParams('from', 'from must be a rev, now, first, or the id of an event')
      }
      const { events } = watchSource(node, { [kind]: name }, from, false, undefined)
      return events.start(
        undefined,
        ({ rev = 0, shard, cursor, view, timeMs, result }) => {
          const id = cursor ?? String(rev + 1)
          const data = JSON.stringify({ rev, shard, view, timeMs, ...(result as object) })
          take(`id: ${id}\ndata: ${data}\n\n`, id)
        },
        ended,
      )
    },
  }
}
