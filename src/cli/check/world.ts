/** What all clients of one check share: the nodes, the clock, the record, and names of keys of its own. */
import type { JsonObject } from '../../base/json.ts'
import type { Prng } from '../../base/prng.ts'
import type { RecordedOp } from '../../check/history.ts'
import type { Client } from '../../client/client.ts'
import type { KnownNode } from '../cluster-nodes.ts'
import type { Context } from '../context.ts'

/** Keys of checks, and of nothing else. */
export const PREFIX = 'viewstamp-check/'
const CALL_MS = 2_000
const PATIENCE_MS = [2_000, 20_000] as const

export interface CheckedNode {
  readonly name: string
  readonly endpoint: string
  readonly client: Client
}

/** An operation that may still be settled: the same session and number are asked for again. */
export interface Unsettled {
  readonly index: number
  readonly again: (node: CheckedNode) => Promise<RecordedOp>
}

export class World {
  readonly nodes: readonly CheckedNode[]
  readonly prefix: string
  /** How long an answer is waited for when the load is over; a short check is not much longer for it. */
  readonly patienceMs: number
  readonly ops: RecordedOp[] = []
  readonly unsettled: Unsettled[] = []
  /** What contradicts the contract by itself. */
  readonly lies: string[] = []
  /** Keys that nobody could read at the end. */
  readonly unread: string[] = []
  readonly notes: string[] = []
  /** How often each fault was put in. */
  readonly faults = new Map<string, number>()
  readonly errors = new Map<string, number>()
  readonly #start = performance.now()
  #values = 0

  constructor(
    context: Context,
    nodes: readonly KnownNode[],
    { runId, durationMs }: { readonly runId: string; readonly durationMs: number },
  ) {
    this.patienceMs = Math.min(PATIENCE_MS[0] + 2 * durationMs, PATIENCE_MS[1])
    this.prefix = `${PREFIX}${runId}/`
    this.nodes = nodes.map(({ name, endpoint }) => ({
      name: name ?? endpoint,
      endpoint,
      // One attempt each: what an error says of the write is part of what is checked.
      client: context.client([endpoint], { attempts: 1 }),
    }))
  }

  /** Milliseconds since the check began, to the microsecond. */
  now(): number {
    return Math.round((performance.now() - this.#start) * 1000) / 1000
  }

  /** A number that nobody has written before. */
  nextValue(): number {
    return ++this.#values
  }

  anyNode(prng: Prng, except?: CheckedNode): CheckedNode {
    const others = this.nodes.filter(node => node !== except)
    return prng.pick(others.length > 0 ? others : this.nodes)
  }

  call(node: CheckedNode, method: string, params: JsonObject): Promise<JsonObject> {
    return node.client.call(method, params, { timeoutMs: CALL_MS })
  }

  countError(name: string, outcome: string): void {
    const key = `${name} (${outcome})`
    this.errors.set(key, (this.errors.get(key) ?? 0) + 1)
  }
}
