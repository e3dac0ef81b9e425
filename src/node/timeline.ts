/**
 * When the last ops passed each of their stations on this node, by its own clock: a ring of numbers, because
 * every entry writes to it. The CLI puts those of all nodes together (`viewstamp log show OP --timeline`).
 */
const OPS = 1_024
const STATIONS = ['received', 'prepared', 'durable', 'executed'] as const
export type Station = (typeof STATIONS)[number]

export interface Passed {
  readonly event: Station | 'acknowledged'
  /** Who acknowledged: index of the replica. */
  readonly replica?: number
  /** Milliseconds since 1970 by this node's clock, to the microsecond. */
  readonly atMs: number
}

export class Timeline {
  readonly #replicas: number
  readonly #width: number
  readonly #nowMs: () => number
  /** Which op a row speaks of. */
  readonly #ops = new Float64Array(OPS)
  /** Rows of STATIONS and, behind them, acknowledgements by replica; 0: not yet. */
  readonly #times: Float64Array
  /** Highest op that each replica has acknowledged. */
  readonly #acknowledged: Float64Array

  constructor(replicas: number, nowMs: () => number) {
    this.#replicas = replicas
    this.#width = STATIONS.length + replicas
    this.#nowMs = nowMs
    this.#times = new Float64Array(OPS * this.#width)
    this.#acknowledged = new Float64Array(replicas)
  }

  /** The last time counts, as in another view an entry is prepared again; but the first that it was received. */
  pass(op: number, station: Station): void {
    const row = this.#row(op)
    if (row < 0) return
    const at = row + STATIONS.indexOf(station)
    if (station === 'received' && this.#times[at] !== 0) return
    this.#times[at] = this.#nowMs()
  }

  /** A PREPAREOK speaks for every op up to its own. */
  acknowledge(op: number, replica: number): void {
    if (replica >= this.#replicas) return
    const before = Math.max(this.#acknowledged[replica] ?? 0, op - OPS)
    const now = this.#nowMs()
    for (let each = before + 1; each <= op; each++) {
      const row = this.#row(each)
      if (row >= 0) this.#times[row + STATIONS.length + replica] = now
    }
    this.#acknowledged[replica] = op
  }

  /** In order of time; none: too long ago, or never here. */
  of(op: number): readonly Passed[] {
    if (this.#ops[op % OPS] !== op) return []
    const row = (op % OPS) * this.#width
    const passed: Passed[] = []
    for (let i = 0; i < this.#width; i++) {
      const atMs = this.#times[row + i] ?? 0
      if (atMs === 0) continue
      const station = STATIONS[i]
      if (station !== undefined) passed.push({ event: station, atMs })
      else passed.push({ event: 'acknowledged', replica: i - STATIONS.length, atMs })
    }
    return passed.sort((a, b) => a.atMs - b.atMs)
  }

  /** Where the op's times are; −1: a later op has that place. */
  #row(op: number): number {
    const slot = op % OPS
    const there = this.#ops[slot] ?? 0
    if (there > op) return -1
    const row = slot * this.#width
    if (there < op) {
      this.#ops[slot] = op
      this.#times.fill(0, row, row + this.#width)
    }
    return row
  }
}
