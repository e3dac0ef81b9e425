/**
 * What the RPC layer counts, as Prometheus text. Plain arrays on the path of a call: prom-client hashes
 * labels at every step, which costs more than many calls do, and takes long to load.
 */

const BUCKETS_S = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5,
]

interface PerMethod {
  readonly codes: Map<string | number, number>
  readonly buckets: number[]
  sumMs: number
  count: number
}

export class RpcMetrics {
  readonly #methods = new Map<string, PerMethod>()
  readonly #subscriptions = new Map<string, number>()
  #unknown = 0

  called(method: string, code: string | number, tookMs: number): void {
    let row = this.#methods.get(method)
    if (row === undefined) {
      row = { codes: new Map(), buckets: BUCKETS_S.map(() => 0), sumMs: 0, count: 0 }
      this.#methods.set(method, row)
    }
    row.codes.set(code, (row.codes.get(code) ?? 0) + 1)
    row.sumMs += tookMs
    row.count++
    const seconds = tookMs / 1000
    for (let i = 0; i < BUCKETS_S.length; i++) {
      if (seconds <= (BUCKETS_S[i] ?? 0)) {
        row.buckets[i] = (row.buckets[i] ?? 0) + 1
        return
      }
    }
  }

  /** Counted without its name: a caller must not be able to make labels. */
  unknownMethod(): void {
    this.#unknown++
  }

  subscribed(method: string, by: 1 | -1): void {
    this.#subscriptions.set(method, (this.#subscriptions.get(method) ?? 0) + by)
  }

  text(): string {
    const lines = head('rpc_requests_total', 'counter', 'Calls by method and code.')
    for (const [method, row] of this.#methods) {
      for (const [code, count] of row.codes) {
        lines.push(`viewstamp_rpc_requests_total{method="${method}",code="${code}"} ${count}`)
      }
    }
    if (this.#unknown > 0) {
      lines.push(`viewstamp_rpc_requests_total{method="unknown",code="-32601"} ${this.#unknown}`)
    }
    lines.push(...head('rpc_duration_seconds', 'histogram', 'From the call to its answer.'))
    for (const [method, row] of this.#methods) lines.push(...histogram(method, row))
    lines.push(...head('subscriptions', 'gauge', 'Open subscriptions.'))
    for (const [method, count] of this.#subscriptions) {
      lines.push(`viewstamp_subscriptions{kind="${method}"} ${count}`)
    }
    return `${lines.join('\n')}\n`
  }
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP viewstamp_${name} ${help}`, `# TYPE viewstamp_${name} ${type}`]
}

function histogram(method: string, row: PerMethod): string[] {
  const name = 'viewstamp_rpc_duration_seconds'
  let below = 0
  const lines = BUCKETS_S.map((bound, i) => {
    below += row.buckets[i] ?? 0
    return `${name}_bucket{method="${method}",le="${bound}"} ${below}`
  })
  lines.push(`${name}_bucket{method="${method}",le="+Inf"} ${row.count}`)
  lines.push(`${name}_sum{method="${method}"} ${row.sumMs / 1000}`)
  lines.push(`${name}_count{method="${method}"} ${row.count}`)
  return lines
}
