/** A cluster in memory whose nodes answer RPC on loopback: what clients see, without processes. */
import { createRpcServer, type RpcServer } from '../../src/rpc/server.ts'
import { type Cluster, type ClusterOptions, startCluster } from '../../src/testing/index.ts'

export class Served {
  readonly cluster: Cluster
  readonly #servers = new Map<string, { readonly server: RpcServer; readonly url: string }>()

  private constructor(cluster: Cluster) {
    this.cluster = cluster
  }

  static async start(options: ClusterOptions = {}): Promise<Served> {
    const served = new Served(await startCluster(options))
    for (const name of served.cluster.names) await served.#serve(name, 0)
    return served
  }

  get urls(): readonly string[] {
    return this.cluster.names.map(name => this.url(name))
  }

  url(name: string): string {
    return this.#servers.get(name)?.url ?? ''
  }

  /** The node ends first, then its connections are cut. */
  async kill(name: string): Promise<void> {
    await this.cluster.kill(name)
    await this.#servers.get(name)?.server.stop()
  }

  /** At the same address as before. */
  async restart(name: string): Promise<void> {
    await this.cluster.start(name)
    await this.#serve(name, Number(new URL(this.url(name)).port))
  }

  async stop(): Promise<void> {
    for (const { server } of this.#servers.values()) await server.stop()
    await this.cluster.stop()
  }

  async #serve(name: string, port: number): Promise<void> {
    const server = createRpcServer({
      node: this.cluster.api(name),
      listen: `127.0.0.1:${port}`,
      limits: { stopTimeoutMs: 50 },
    })
    const { url } = await server.start()
    this.#servers.set(name, { server, url })
  }
}
