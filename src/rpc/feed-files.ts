/**
 * /feeds/<feed>.ndjson: a feed as a file. GET gives records as they are stored, a line each, as fast as the
 * other side takes them; POST publishes a line each, batch by batch, and reads no further than it can write.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ViewstampError } from '../base/errors.ts'
import { isObject, type JsonObject } from '../base/json.ts'
import { type LineBatch, LineBatcher } from '../base/line-batch.ts'
import { RECORD_BYTES_MAX } from '../machine/feed/limits.ts'
import { isFeedName, NAME_RULE } from '../machine/feed/name.ts'
import type { FeedFrom, FeedRead, NodeApi } from '../node/api.ts'
import { errorObject, invalidParams, known, type RpcLog } from './errors.ts'
import { fromText, statusOf } from './sse.ts'

const PATH = /^\/feeds\/([^/]+)\.ndjson$/
const AT_ONCE_MAX = 16
/** Nobody takes or sends anything for so long: it is ended. */
const STALLED_MS = 60_000
const PAGE = 10_000
const TYPE = 'application/x-ndjson'

export class FeedFiles {
  readonly #node: NodeApi
  readonly #log: RpcLog
  #underWay = 0

  static has(path: string): boolean {
    return PATH.test(path)
  }

  constructor(node: NodeApi, log: RpcLog) {
    this.#node = node
    this.#log = log
  }

  async serve(path: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (this.#underWay >= AT_ONCE_MAX) {
      const sentence = `${AT_ONCE_MAX} feeds are being read or written as files, the limit: try again later`
      return refuse(res, new ViewstampError('OVERLOADED', sentence, { limit: AT_ONCE_MAX }))
    }
    this.#underWay++
    res.setTimeout(STALLED_MS, () => res.destroy())
    try {
      const feed = nameIn(path)
      if (req.method === 'POST') await take(this.#node, feed, req, res)
      else await give(this.#node, feed, req, res)
    } catch (error) {
      // Cut off, so that nobody takes it for the whole.
      if (res.headersSent || res.destroyed) res.destroy()
      else refuse(res, known(error, `${req.method} /feeds`, 'free', this.#log))
    } finally {
      this.#underWay--
    }
  }
}

function nameIn(path: string): string {
  let name = ''
  try {
    name = decodeURIComponent(PATH.exec(path)?.[1] ?? '')
  } catch {
    throw invalidParams('feed', NAME_RULE)
  }
  if (isFeedName(name)) return name
  throw invalidParams('feed', NAME_RULE)
}

function refuse(res: ServerResponse, error: ViewstampError): void {
  if (res.destroyed) return
  res.writeHead(statusOf(error), { 'content-type': 'application/json', connection: 'close' })
  res.end(`${JSON.stringify({ error: errorObject(error, undefined) })}\n`)
}

/** What there was when it began, unless `to` says where to end. */
async function give(
  node: NodeApi,
  feed: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const query = new URL(req.url ?? '', 'http://localhost').searchParams
  const to = numberIn(query, 'to')
  const partition = numberIn(query, 'partition')
  const consistency = query.get('consistency') === 'local' ? 'local' : 'linearizable'
  let from: FeedFrom = fromText(query.get('from') ?? 'first')
  let end: FeedRead['last'] | undefined
  do {
    const options = { partition, from, to, limit: PAGE, waitMs: 0 }
    const meta = { consistency: end === undefined ? consistency : 'local' } as const
    const { records, next, last } = await node.feeds.read(feed, options, meta)
    end ??= last
    if (!res.headersSent) res.writeHead(200, { 'content-type': TYPE, 'cache-control': 'no-store' })
    if (req.method === 'HEAD') break
    const text = records.length === 0 ? '' : `${records.join('\n')}\n`
    if (!(await written(res, text))) return
    from = next as FeedFrom
    if (records.length === 0 || isBehind(next, end)) break
  } while (!res.destroyed)
  res.end()
}

function isBehind(next: FeedRead['next'], end: FeedRead['last']): boolean {
  if (typeof next === 'number') return next > Number(end)
  return Object.entries(next).every(([partition, offset]) => {
    return typeof end === 'object' && offset > (end[partition] ?? -1)
  })
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw invalidParams(name, `${name} must be a whole number`)
}

/** Resolves when there is room for more; false: the other side has gone. */
function written(res: ServerResponse, text: string): Promise<boolean> {
  if (res.destroyed) return Promise.resolve(false)
  if (text === '' || res.write(text)) return Promise.resolve(true)
  return new Promise(resolve => {
    const done = (isThere: boolean) => () => {
      res.off('drain', drained)
      res.off('close', gone)
      resolve(isThere)
    }
    const [drained, gone] = [done(true), done(false)]
    res.once('drain', drained)
    res.once('close', gone)
  })
}

/** While one batch is being committed, the next one is read. */
async function take(
  node: NodeApi,
  feed: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const made = { published: 0, duplicates: 0 }
  let running: Promise<void> = Promise.resolve()
  const publish = async ({ records, numbers }: LineBatch<JsonObject>): Promise<void> => {
    await node.feeds.ensure([feed], {})
    const { result } = await node.feeds.publishBatch(records, {}).catch(error => {
      throw ofLines(error, numbers)
    })
    const results = isObject(result) ? (result['results'] as JsonObject[]) : []
    for (const each of results) made[each['duplicate'] === true ? 'duplicates' : 'published']++
  }
  const next = async (batch: LineBatch<JsonObject> | undefined): Promise<void> => {
    if (!batch) return
    await running
    running = publish(batch)
    // Told below, where it is awaited.
    running.catch(() => undefined)
  }
  try {
    const batcher = new LineBatcher((line, number) => recordOf(feed, line, number))
    for await (const line of lines(req)) await next(batcher.add(line))
    await next(batcher.rest())
    await running
  } catch (error) {
    // Of two errors that of the earlier lines counts.
    const first: unknown = await running.then(
      () => error,
      (earlier: unknown) => earlier,
    )
    throw first instanceof ViewstampError ? afterSome(first, made) : first
  }
  if (res.destroyed) return
  res.writeHead(200, { 'content-type': 'application/json' })
  res.end(`${JSON.stringify(made)}\n`)
}

/** What the whole call did: the lines before are in the feed, also when these were not written. */
function afterSome(
  { errorName, message, details, outcome }: ViewstampError,
  made: { readonly published: number; readonly duplicates: number },
): ViewstampError {
  const before = made.published + made.duplicates
  const sentence = `${message} (the ${before} records before are in the feed; go on behind them)`
  const told = before > 0 && outcome === 'none' ? 'applied' : outcome
  const so = before > 0 ? sentence : message
  const again = before > 0 ? { retryable: false } : {}
  return new ViewstampError(errorName, so, { ...details, ...made, ...again, outcome: told })
}

/** What was refused of a batch is said by the number of its line. */
function ofLines(error: unknown, numbers: readonly number[]): unknown {
  if (!(error instanceof ViewstampError)) return error
  const { errorName, message, details, outcome } = error
  const [, place = '0', inner = ''] =
    /^(?:records\[(\d+)\])?\.?(.*)$/.exec(details.path ?? '') ?? []
  const line = `line ${numbers[Number(place)]}`
  const path = inner === '' ? line : `${line}: ${inner}`
  const sentence = message.replace(/^records\[\d+\]/, line)
  return new ViewstampError(errorName, sentence, {
    ...details,
    ...(details.path !== undefined && { path }),
    outcome,
  })
}

function recordOf(feed: string, line: string, number: number): JsonObject {
  const path = `line ${number}`
  let record: unknown
  try {
    record = JSON.parse(line)
  } catch {
    throw invalidParams(path, `${path} is not JSON`)
  }
  if (isObject(record) && record['value'] !== undefined) return { ...(record as JsonObject), feed }
  throw invalidParams(path, `${path} must be an object like {"value":1,"key":"k"}`)
}

async function* lines(req: IncomingMessage): AsyncGenerator<string> {
  req.setEncoding('utf8')
  let rest = ''
  for await (const chunk of req as AsyncIterable<string>) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    if (rest.length > 2 * RECORD_BYTES_MAX) {
      const details = { limit: RECORD_BYTES_MAX }
      throw new ViewstampError('TOO_LARGE', 'a line is longer than a record may be', details)
    }
    yield* parts
  }
  if (rest !== '') yield rest
}
