/**
 * The composition root: configuration → store, network, node, RPC. Nothing else in the house knows
 * all of them.
 */
import '../base/polyfill.ts'
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { useSha256 } from '../base/hash.ts'
import type { Chaos } from '../chaos/chaos.ts'
import type { MachineDefinition } from '../machine/define.ts'
import { loadLibp2p } from '../network/host.ts'
import { Node } from '../node/node.ts'
import { createRpcServer, type RpcServer } from '../rpc/server.ts'
import { openingRefusal } from '../storage/refusal.ts'
import { logClusterEvent } from './cluster-log.ts'
import type { Config } from './config.ts'
import { Lives } from './life.ts'
import { type Logger, makeLog } from './log.ts'
import { loadMachines } from './machines.ts'
import { Mending } from './mending.ts'
import { DaemonMetrics } from './metrics.ts'

useSha256(bytes => createHash('sha256').update(bytes).digest('hex'))
// The slowest part of a start goes on while the log is read.
loadLibp2p().catch(() => undefined)

export interface Daemon {
  readonly ready: {
    readonly name: string
    readonly pid: number
    /** URL; undefined without a port. */
    readonly rpc: string | undefined
    readonly peerId: string
  }
  readonly node: Node
  stop(): Promise<void>
  /** Resolves with the reason when the daemon has to end by itself; it is logged already. */
  readonly finished: Promise<unknown>
}

/** What a program may give besides the configuration. */
export interface DaemonOptions {
  readonly log?: Logger
  readonly machines?: readonly MachineDefinition[]
  /** False: without the RPC port. */
  readonly rpc?: boolean
}

export async function startDaemon(config: Config, options: DaemonOptions = {}): Promise<Daemon> {
  const log = options.log ?? makeLog(config)
  const machines = loadMachines(config, options.machines ?? [], error =>
    log.warn(
      { error: error instanceof Error ? error.stack : String(error) },
      'a state machine failed',
    ),
  )
  machines.catch(() => undefined)
  const { dataDir } = config.node
  await mkdir(dataDir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw openingRefusal(dataDir, error)
  })
  const service = await machines
  let finish: (reason: unknown) => void = () => {}
  const finished = new Promise<unknown>(resolve => {
    finish = resolve
  })
  const fail = (error: unknown): void => {
    log.fatal(error instanceof Error ? error.message : String(error))
    log.debug(error)
    finish(error)
  }
  const metrics = new DaemonMetrics()
  const url = (options.rpc ?? true) ? `http://${config.rpc.listen}` : undefined
  const mending = new Mending({ log, fail })
  const { damaged } = mending
  const mended = () => mending.mended
  const lives = new Lives({ config, log, service, metrics, url, fail, damaged, mended })
  const node = new Node(await lives.open(), () => metrics.text())
  node.watchCluster(event => logClusterEvent(log, event))
  mending.ready(node, lives)
  const { chaos } = lives
  const stop = async (): Promise<void> => {
    // A paused node could not close anything.
    chaos?.heal()
    await mending.stop()
    await node.stop()
  }
  const rpc = url === undefined ? undefined : await serve(config, log, { node, chaos, stop })
  if (config.metrics) {
    metrics.load().catch(error => log.warn({ error: String(error) }, 'metrics are not available'))
  }
  return {
    ready: { name: node.name, pid: process.pid, rpc: rpc?.url, peerId: node.peerId },
    node,
    finished,
    stop: async () => {
      await stop()
      await rpc?.server.stop()
    },
  }
}

interface Served {
  readonly node: Node
  readonly chaos: Chaos | undefined
  readonly stop: () => Promise<void>
}

async function serve(
  config: Config,
  log: Logger,
  { node, chaos, stop }: Served,
): Promise<{ readonly server: RpcServer; readonly url: string }> {
  try {
    const server = createRpcServer({
      node: chaos?.callers(node) ?? node,
      chaos,
      listen: config.rpc.listen,
      limits: config.rpc.limits,
      tokensFile: config.rpc.tokensFile,
      allowedHosts: config.rpc.allowedHosts,
      allowedOrigins: config.rpc.allowedOrigins,
      insecure: config.rpc.insecureNoAuth,
      log,
    })
    return { server, url: (await server.start()).url }
  } catch (error) {
    await stop().catch(() => undefined)
    throw error
  }
}
