/** What can be read with GET. Nothing here changes anything. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NodeApi } from '../node/api.ts'
import { Downloads } from './downloads.ts'
import { known, type RpcLog } from './errors.ts'
import { FeedFiles } from './feed-files.ts'
import type { Guard } from './guard.ts'
import type { Method } from './method.ts'
import { FEATURES, PROTOCOL } from './methods/system.ts'
import type { RpcMetrics } from './metrics.ts'
import { openRpcDocument } from './openrpc.ts'
import { EventStreams } from './sse.ts'

export interface PageAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
}

export interface Page {
  /** Needs no token. */
  readonly open?: boolean
  /** Takes POST too: lines of JSON. */
  readonly takesLines?: boolean
  readonly answer: (query: URLSearchParams) => PageAnswer | Promise<PageAnswer>
}

export interface PagesOptions {
  readonly node: NodeApi
  readonly methods: ReadonlyMap<string, Method>
  readonly metrics: RpcMetrics
  readonly log: RpcLog
  readonly guard: Guard
}

const TEXT = 'text/plain; charset=utf-8'
/** Served by a file of its own, as it is read. */
const STREAMED: Page = { answer: () => ({ status: 404, type: TEXT, body: '' }) }
const FEED_FILE: Page = { ...STREAMED, takesLines: true }
const EVENTS = '/events'
const JSON_TYPE = 'application/json'

export class Pages {
  readonly #pages: ReadonlyMap<string, Page>
  readonly #downloads: Downloads
  readonly #feedFiles: FeedFiles
  readonly #events: EventStreams
  readonly #log: RpcLog

  constructor(options: PagesOptions) {
    const { node, methods, metrics, log, guard } = options
    this.#log = log
    this.#downloads = new Downloads(node, log)
    this.#feedFiles = new FeedFiles(node, log)
    this.#events = new EventStreams({ node, guard, log })
    this.#pages = new Map<string, Page>([
      ['/', { open: true, answer: () => pointer() }],
      // This process only: never asks the cluster, or a view change would get healthy nodes killed.
      ['/livez', { open: true, answer: () => ({ status: 200, type: TEXT, body: 'ok\n' }) }],
      ['/readyz', { open: true, answer: query => ready(node, query) }],
      ['/metrics', { answer: () => metricsText(node, metrics) }],
      ['/version', { answer: () => json(versionOf(node)) }],
      ['/openrpc.json', { answer: () => json(openRpcDocument(methods, node.version)) }],
    ])
  }

  get(path: string): Page | undefined {
    if (FeedFiles.has(path)) return FEED_FILE
    return Downloads.has(path) || path === EVENTS ? STREAMED : this.#pages.get(path)
  }

  /** What would never end by itself. */
  closeStreams(): void {
    this.#events.closeAll()
  }

  async serve(path: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (Downloads.has(path)) return this.#downloads.serve(path, req, res)
    if (FeedFiles.has(path)) return this.#feedFiles.serve(path, req, res)
    if (path === EVENTS) return this.#events.serve(req, res)
    const at = req.url?.indexOf('?') ?? -1
    const query = new URLSearchParams(at < 0 ? '' : req.url?.slice(at))
    const { status, type, body } = await this.#answer(path, query)
    if (res.destroyed) return
    res.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    })
    res.end(req.method === 'HEAD' ? undefined : body)
  }

  async #answer(path: string, query: URLSearchParams): Promise<PageAnswer> {
    try {
      return (await this.get(path)?.answer(query)) ?? { status: 404, type: TEXT, body: '' }
    } catch (error) {
      const { message } = known(error, `GET ${path}`, 'free', this.#log)
      return { status: 500, type: TEXT, body: `${message}\n` }
    }
  }
}

function ready(node: NodeApi, query: URLSearchParams): PageAnswer {
  const { ready, checks } = node.readiness()
  const status = ready ? 200 : 503
  if (!query.has('verbose')) return { status, type: TEXT, body: ready ? 'ok\n' : 'not ready\n' }
  const lines = checks.map(check => `[${check.ok ? '+' : '-'}] ${check.name}: ${check.detail}`)
  lines.push(ready ? 'ready' : 'not ready')
  return { status, type: TEXT, body: `${lines.join('\n')}\n` }
}

/** The node's text, then this layer's: no name is in both. */
async function metricsText(node: NodeApi, metrics: RpcMetrics): Promise<PageAnswer> {
  const text = await node.metrics()
  if (text === undefined) {
    return { status: 404, type: TEXT, body: 'metrics are off: set metrics: true\n' }
  }
  const gap = text === '' || text.endsWith('\n') ? '' : '\n'
  const type = 'text/plain; version=0.0.4; charset=utf-8'
  return { status: 200, type, body: text + gap + metrics.text() }
}

function versionOf(node: NodeApi): object {
  return { version: node.version, protocol: PROTOCOL, node: node.name, features: FEATURES }
}

function json(value: object): PageAnswer {
  return { status: 200, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` }
}

function pointer(): PageAnswer {
  const links = ['/openrpc.json', '/version', '/livez', '/readyz?verbose', '/metrics']
  const items = links.map(link => `<li><a href="${link}">${link}</a>`).join('\n')
  const body = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Viewstamp</title>
<h1>Viewstamp</h1>
<p>JSON-RPC 2.0 is at <code>POST /rpc</code> and as a WebSocket at <code>/rpc</code>.
<ul>
${items}
</ul>
</html>
`
  return { status: 200, type: 'text/html; charset=utf-8', body }
}
