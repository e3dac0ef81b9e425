/** The RPC port of a daemon: HTTP and WebSocket over one node. READ FIRST, then core.ts. */
import { createServer, type Server } from 'node:http'
import { isIPv6, type Socket } from 'node:net'
import type { ChaosApi } from '../chaos/api.ts'
import type { NodeApi } from '../node/api.ts'
import { Core } from './core.ts'
import { type RpcLog, SILENT } from './errors.ts'
import { Guard } from './guard.ts'
import { HttpFront } from './http.ts'
import { Lane } from './lane.ts'
import { HEADER_BYTES_MAX, LIMITS, type RpcLimits } from './limits.ts'
import type { Method } from './method.ts'
import { METHODS, methodsWith } from './methods/table.ts'
import { RpcMetrics } from './metrics.ts'
import { Pages } from './pages.ts'
import { StartError } from './start-error.ts'
import { Tokens } from './tokens.ts'
import { SocketFront } from './websocket.ts'

export interface RpcServerOptions {
  readonly node: NodeApi
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string
  readonly limits?: Partial<RpcLimits> | undefined
  readonly tokensFile?: string | null | undefined
  readonly allowedHosts?: readonly string[] | undefined
  readonly allowedOrigins?: readonly string[] | undefined
  /** Listen beyond this machine without tokens: `--insecure-no-auth`. */
  readonly insecure?: boolean | undefined
  readonly log?: RpcLog | undefined
  /** Fault injection; undefined: off. Only where nobody but this machine can call. */
  readonly chaos?: ChaosApi | undefined
  readonly methods?: ReadonlyMap<string, Method> | undefined
}

export interface RpcServer {
  /** Throws StartError. */
  start(): Promise<{ readonly url: string }>
  /** Takes no more calls, answers those under way (for a bounded time), closes. */
  stop(): Promise<void>
  /** What a timer does every few seconds: pings, bookmarks. For tests. */
  tick(): void
}

const CHECK_CONNECTIONS_MS = 1_000

/** Throws StartError. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { node, chaos, log = SILENT, allowedHosts = [], allowedOrigins = [] } = options
  const { methods = chaos === undefined ? METHODS : methodsWith(chaos) } = options
  const limits: RpcLimits = { ...LIMITS, ...options.limits }
  const { host, port } = parseListen(options.listen)
  const tokens = options.tokensFile ? new Tokens(options.tokensFile, log) : undefined
  if (tokens === undefined && options.insecure !== true) refuseStrangers(host)

  let isStopping = false
  const stopping = () => isStopping
  const metrics = new RpcMetrics()
  const core = new Core({ methods, limits, log, metrics })
  const guard = new Guard({ allowedHosts, allowedOrigins, tokens })
  const pages = new Pages({ node, methods, metrics, log, guard })
  const front = new HttpFront({ core, node, guard, limits, pages, stopping })
  const sockets = new SocketFront({ core, node, guard, limits, metrics, log, stopping })
  const server = bareServer(limits)
  const lane = new Lane({ core, node, guard, limits, stopping, standard: takeOver(server) })
  server.on('connection', lane.accept)
  server.on('request', front.request)
  server.on('checkContinue', front.checkContinue)
  server.on('upgrade', sockets.upgrade)

  return {
    async start() {
      await listen(server, { host, port })
      if (chaos !== undefined && !isLoopback(boundTo(server))) {
        server.close()
        throw new StartError('UNSAFE_LISTEN', faultsForStrangers(host))
      }
      sockets.start()
      return { url: urlOf(server, host) }
    },
    async stop() {
      isStopping = true
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      await within(limits.stopTimeoutMs, core.idle())
      sockets.closeAll()
      pages.closeStreams()
      lane.closeIdle()
      server.closeIdleConnections()
      await within(limits.stopTimeoutMs, closed)
      sockets.terminateAll()
      lane.terminateAll()
      server.closeAllConnections()
      await closed
    },
    tick: () => sockets.tick(),
  }
}

function bareServer(limits: RpcLimits): Server {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: CHECK_CONNECTIONS_MS,
    noDelay: true,
  })
  server.maxConnections = limits.connections
  return server
}

/** Connections go to whom we say; gives what Node's server does with a new one. */
function takeOver(server: Server): (socket: Socket) => void {
  const standard = server.listeners('connection')
  server.removeAllListeners('connection')
  return socket => {
    for (const listener of standard) listener.call(server, socket)
  }
}

function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', cause => reject(cannotListen(at, cause)))
    server.listen({ ...at, backlog: 1024 }, resolve)
  })
}

function cannotListen({ host, port }: { host: string; port: number }, cause: Error): StartError {
  const code = 'code' in cause ? String(cause.code) : ''
  if (code === 'EADDRINUSE') {
    const sentence = `port ${port} of ${host} is in use: stop the program that has it, or set rpc.listen to another port`
    return new StartError('PORT_IN_USE', sentence, { cause })
  }
  const sentence = `cannot listen on ${host} port ${port} (${code}): set rpc.listen to an address of this machine`
  return new StartError('CANNOT_LISTEN', sentence, { cause })
}

function parseListen(listen: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(listen) ?? []
  const port = Number(digits)
  const host = bracketed ?? plain
  if (host === undefined || host === '' || !(port <= 65_535)) {
    const sentence = `${listen} is no address to listen on: write host:port, as in 127.0.0.1:7401`
    throw new StartError('CANNOT_LISTEN', sentence)
  }
  return { host, port }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)

/** The address itself: what a name stands for is the system's to say. */
function boundTo(server: Server): string {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.address : ''
}

const faultsForStrangers = (host: string): string =>
  `${host} can be reached from other machines, and with chaos anybody could break this node: set rpc.listen to 127.0.0.1, or leave chaos off`

function refuseStrangers(host: string): void {
  if (isLoopback(host)) return
  const sentence = `${host} can be reached from other machines, and anybody could call: set rpc.tokensFile, or say --insecure-no-auth`
  throw new StartError('UNSAFE_LISTEN', sentence)
}

function urlOf(server: Server, host: string): string {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** Waits, but not longer. */
async function within(ms: number, what: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([what, late])
  clearTimeout(timer)
}
