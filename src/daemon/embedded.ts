/** A node inside a process of yours: the daemon without its command line. What `viewstamp` exports. */
import { ViewstampError } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import type { MachineDefinition } from '../machine/define.ts'
import type { NodeApi } from '../node/api.ts'
import { callMethod } from '../rpc/local.ts'
import { configOf, type Settings } from './config.ts'
import { type Daemon, startDaemon } from './main.ts'

export interface CreateOptions {
  /** State machines of your own, as `defineMachine` gives them; the same on all nodes. */
  readonly machines?: readonly MachineDefinition[]
  /** False: no RPC port; the node is reached through its methods here only. */
  readonly rpc?: boolean
}

export interface EmbeddedNode {
  readonly name: string
  /** Resolves when the node serves: founded or opened, and its RPC port open. Once. */
  start(): Promise<void>
  /** Hands over if primary, then closes everything in order. It cannot be started again. */
  stop(): Promise<void>
  /** Resolves with the reason when the node has to end by itself, with undefined once it is stopped. */
  readonly finished: Promise<unknown>
  /** `http://127.0.0.1:7401`; undefined without a port, or before the start. */
  readonly url: string | undefined
  /** Any method of the contract: `call('kv.put', { key: 'x', value: 1 })`. Throws ViewstampError. */
  call(method: string, params?: JsonObject): Promise<JsonObject>
  /** What stands behind the methods, for subscriptions and for what needs no JSON. */
  readonly api: NodeApi
}

/** `settings` as in config.yaml, relative paths from the working directory. Throws ConfigError. */
export function createNode(settings: Settings, options: CreateOptions = {}): EmbeddedNode {
  return new Embedded(settings, options)
}

class Embedded implements EmbeddedNode {
  readonly name: string
  readonly finished: Promise<unknown>
  readonly #start: () => Promise<Daemon>
  #starting: Promise<Daemon> | undefined
  #daemon: Daemon | undefined
  #finish: (reason: unknown) => void = () => {}

  constructor(settings: Settings, options: CreateOptions) {
    const config = configOf(settings, 'createNode')
    this.name = config.node.name
    this.#start = () => startDaemon(config, options)
    this.finished = new Promise(resolve => {
      this.#finish = resolve
    })
  }

  async start(): Promise<void> {
    if (this.#starting) throw new Error(`the node ${this.name} was started before: create another`)
    this.#starting = this.#start()
    this.#daemon = await this.#starting
    this.#daemon.finished.then(this.#finish)
  }

  async stop(): Promise<void> {
    const daemon = await this.#starting?.catch(() => undefined)
    await daemon?.stop()
    this.#finish(undefined)
  }

  get url(): string | undefined {
    return this.#daemon?.ready.rpc
  }

  async call(method: string, params?: JsonObject): Promise<JsonObject> {
    return callMethod(this.api, method, params)
  }

  get api(): NodeApi {
    if (this.#daemon) return this.#daemon.node
    throw new ViewstampError('NOT_READY', `the node ${this.name} has not started yet`)
  }
}
