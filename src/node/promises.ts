/**
 * What the replicas of other nodes promised is noted as it comes, so that this node can refuse one that
 * comes back with data that does not hold it (wire/promised.ts). Messages of the protocol tell it to whoever
 * counts on it; and each node tells all others, ten times a second, how far its own disk is. That costs the
 * log nothing: it is told after the fact, and no entry waits for it.
 */
import { isObject, type Json } from '../base/json.ts'
import type { Message } from '../vr/message.ts'
import { JUMP_MAX } from '../vr/sound.ts'
import { isStandby, opOf, type Replica } from '../vr/state.ts'
import { type Promised, promiseIn } from '../wire/promised.ts'

export interface PromisePorts {
  /** By shard. */
  replicas(): readonly Replica[]
  note(peer: string, shard: number, promised: Promised): void
  tell(what: Json): void
}

export const TELL_MS = 100
/** What got lost on the way is told again. */
const TELL_ALL_EVERY = 10

/** Shard, view, last normal view, op. */
type Row = readonly [number, number, number, number]

export class Promises {
  readonly #ports: PromisePorts
  #rounds = 0
  #told: readonly (Row | undefined)[] = []

  constructor(ports: PromisePorts) {
    this.#ports = ports
  }

  heard(peer: string, shard: number, message: Message): void {
    const promised = promiseIn(message)
    if (promised !== undefined) this.#note(peer, shard, promised)
  }

  /** What another node told of itself. */
  told(peer: string, params: Json): void {
    const rows = isObject(params) ? params['rows'] : undefined
    if (!Array.isArray(rows)) return
    for (const row of rows.slice(0, this.#ports.replicas().length)) {
      if (!Array.isArray(row) || !row.every(isCount)) continue
      const [shard = -1, viewNumber = 0, lastNormalView = 0, opNumber = 0] = row as number[]
      this.#note(peer, shard, { viewNumber, lastNormalView, opNumber })
    }
  }

  /** To be called every TELL_MS. */
  tick(): void {
    const rows = this.#ports.replicas().map(rowOf)
    const isAll = this.#rounds++ % TELL_ALL_EVERY === 0
    const news = rows.filter((row, i) => row !== undefined && (isAll || !same(row, this.#told[i])))
    this.#told = rows
    if (news.length > 0) this.#ports.tell({ rows: news as Json[] })
  }

  /** What is beyond any life of a cluster was not promised: see vr/sound.ts. */
  #note(peer: string, shard: number, promised: Promised): void {
    const replica = this.#ports.replicas()[shard]
    if (replica === undefined) return
    const viewMax = replica.viewNumber + JUMP_MAX
    const { viewNumber, lastNormalView, opNumber } = promised
    if (viewNumber > viewMax || lastNormalView > viewNumber) return
    if (opNumber <= opOf(replica) + JUMP_MAX) this.#ports.note(peer, shard, promised)
  }
}

/** Durable, all of it. One that recovers has promised nothing, and a standby never does. */
function rowOf(replica: Replica): Row | undefined {
  const { shard, durableVsr, durableOp } = replica
  if (durableVsr.recovering || isStandby(replica)) return undefined
  return [shard, durableVsr.viewNumber, durableVsr.lastNormalView, durableOp]
}

const same = (a: Row, b: Row | undefined): boolean =>
  b !== undefined && a.every((number, i) => number === b[i])

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
