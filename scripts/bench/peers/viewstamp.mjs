/**
 * Viewstamp as a system under the peers' harness (../README.md): a cluster, and `connect` for its
 * load generator. This module speaks HTTP, one call per request and batches of 64;
 * viewstamp-ws.mjs pipelines over one WebSocket.
 */
import { keyName, valueText } from '../calls.mjs'
import { connectHttp } from '../client-http.mjs'
import { Cluster as Daemons } from '../cluster.mjs'

const basePort = 24_000
const keysPerBatch = 500

export class Cluster extends Daemons {
  static title = 'Viewstamp'

  /** `tuned` has no meaning here: there is one set of timeouts, the defaults. */
  constructor({ dir, n = 3 }) {
    super({ dir, size: n, basePort })
  }

  async start() {
    super.start()
  }

  /** Index of the primary, or -1. */
  leader() {
    return this.primary()
  }

  /** Every key that reads will ask for exists, as ZooKeeper's driver does it. */
  async prepare(keys = 10_000) {
    const client = connectHttp([this.endpoints[Math.max(0, await this.leader())]])
    const value = valueText(128)
    for (let from = 0; from < keys; from += keysPerBatch) {
      const size = Math.min(keysPerBatch, keys - from)
      await client.putBatch(Array.from({ length: size }, (_, i) => [keyName(from + i), value]))
    }
    client.close()
  }
}

/** The harness's shape of a client: values are buffers, reads say whether they are linearizable. */
export function asPeer(client) {
  let lastValue
  let lastText
  const text = value => {
    if (value !== lastValue) {
      lastValue = value
      lastText = JSON.stringify(value.toString('latin1'))
    }
    return lastText
  }
  return {
    ...client,
    put: (key, value, timeoutMs) => client.put(key, text(value), timeoutMs),
    get: (key, { linearizable }) => client.get(key, linearizable ? 'linearizable' : 'local'),
    ...(client.putBatch && {
      putBatch: pairs => client.putBatch(pairs.map(([key, value]) => [key, text(value)])),
    }),
  }
}

export async function connect(endpoints) {
  return asPeer(connectHttp(endpoints))
}
