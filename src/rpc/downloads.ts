/**
 * GET /snapshots/<id>: a file as it is read from disk, no faster than the other side takes it. What is
 * long and slow is bounded: few at a time, and one that nobody reads is ended.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { NodeApi } from '../node/api.ts'
import { known, type RpcLog } from './errors.ts'

const PATH = '/snapshots/'
const AT_ONCE_MAX = 4
/** A download that makes no progress for so long is ended. */
const STALLED_MS = 60_000
const TEXT = 'text/plain; charset=utf-8'

export class Downloads {
  readonly #node: NodeApi
  readonly #log: RpcLog
  #underWay = 0

  static has(path: string): boolean {
    return path.startsWith(PATH)
  }

  constructor(node: NodeApi, log: RpcLog) {
    this.#node = node
    this.#log = log
  }

  async serve(path: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (this.#underWay >= AT_ONCE_MAX) {
      const full = `${AT_ONCE_MAX} downloads are under way, the limit: try again later\n`
      return say(res, 503, full)
    }
    this.#underWay++
    try {
      await this.#send(path.slice(PATH.length), req, res)
    } catch (error) {
      if (res.headersSent || res.destroyed) res.destroy()
      else say(res, 500, `${known(error, `GET ${PATH}`, 'free', this.#log).message}\n`)
    } finally {
      this.#underWay--
    }
  }

  async #send(id: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const found = await this.#node.openSnapshot(id)
    if (found === undefined) {
      return say(res, 404, 'there is no such snapshot here: snapshot.list names those there are\n')
    }
    if (req.method === 'HEAD' || res.destroyed) found.content.destroy()
    if (res.destroyed) return
    res.setTimeout(STALLED_MS, () => res.destroy())
    res.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': found.bytes,
      'content-disposition': `attachment; filename="${id}.snapshot"`,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    if (req.method === 'HEAD') res.end()
    else await pipeline(found.content, res)
  }
}

function say(res: ServerResponse, status: number, body: string): void {
  if (res.destroyed) return
  res.writeHead(status, { 'content-type': TEXT, 'content-length': Buffer.byteLength(body) })
  res.end(body)
}
