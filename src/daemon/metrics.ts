/** The node's figures: loaded once the daemon serves, because the library takes its time to load. */
import type { NodeContext } from '../node/context.ts'
import { NO_METRICS, type NodeMetrics, nodeMetrics } from '../node/metrics.ts'
import type { Writer } from '../node/writer.ts'

export class DaemonMetrics implements NodeMetrics {
  #context: NodeContext | undefined
  #writer: Writer | undefined
  #inner: NodeMetrics = NO_METRICS
  #text: () => Promise<string | undefined> = async () => undefined

  readonly fsync = (seconds: number): void => this.#inner.fsync(seconds)
  readonly viewChange = (shard: string, reason: string): void =>
    this.#inner.viewChange(shard, reason)
  readonly viewStarted = (shard: string, seconds: number): void =>
    this.#inner.viewStarted(shard, seconds)

  watch(context: NodeContext, writer: Writer): void {
    this.#context = context
    this.#writer = writer
  }

  async load(): Promise<void> {
    const loaded = await import('prom-client')
    // A CommonJS package: bundled or not, the library is the default export.
    const prom = (loaded.default ?? loaded) as typeof import('prom-client')
    const registry = new prom.Registry()
    prom.collectDefaultMetrics({ register: registry, prefix: 'viewstamp_' })
    this.#inner = nodeMetrics(
      prom,
      registry,
      () => this.#context,
      () => this.#writer,
    )
    this.#text = () => registry.metrics()
  }

  text(): Promise<string | undefined> {
    return this.#text()
  }
}
