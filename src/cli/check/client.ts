/** One client: asks one thing at a time through any node, and writes down what it was told. */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import type { Prng } from '../../base/prng.ts'
import type { RecordedOp } from '../../check/history.ts'
import { ViewstampError } from '../../client/error.ts'
import { pause } from '../../client/pause.ts'
import type { CheckedNode, World } from './world.ts'

/** What is asked, and how the answer is read. */
export interface Question {
  readonly workload: RecordedOp['workload']
  readonly key: string
  readonly op: string
  readonly args: readonly Json[]
  readonly method: string
  readonly params: JsonObject
  /** `fail`: an answer that says it was not done. */
  readonly read: (answer: JsonObject) => Pick<RecordedOp, 'result' | 'rev'> | 'fail'
}

/** After an error, so that a cluster without a primary is not stormed. */
const PAUSE_MS = 20

interface Carrier {
  readonly session: string
  readonly seq: number
}

export class CheckClient {
  readonly prng: Prng
  readonly #world: World
  readonly #number: number
  #session: string | undefined
  #seq = 0

  constructor(world: World, number: number, prng: Prng) {
    this.#world = world
    this.#number = number
    this.prng = prng
  }

  /** Asked once, without a session: after an error nobody can say more than the error does. */
  async plain(question: Question, node = this.#world.anyNode(this.prng)): Promise<RecordedOp> {
    const called = this.#world.now()
    return this.#record(await this.#attempt(question, node, called, undefined))
  }

  /** In a session: asked again, through other nodes, until the outcome is known. */
  async once(question: Question): Promise<RecordedOp> {
    const world = this.#world
    const called = world.now()
    const carrier = await this.#nextCarrier()
    if (carrier === undefined) return this.plain(question)
    let node = world.anyNode(this.prng)
    let op = await this.#attempt(question, node, called, carrier)
    while (mayAskAgain(op) && world.now() - called < world.patienceMs / 2) {
      await pause(PAUSE_MS)
      node = world.anyNode(this.prng, node)
      op = again(op, await this.#attempt(question, node, called, carrier))
    }
    if (op.error === 'SESSION_EVICTED') this.#session = undefined
    if (op.status === 'ok' && this.prng.chance(0.2)) await this.#repeat(question, op, carrier, node)
    const index = world.ops.length
    this.#record(op)
    if (mayAskAgain(op)) {
      const ask = async (other: CheckedNode): Promise<RecordedOp> =>
        again(op, await this.#attempt(question, other, called, carrier))
      world.unsettled.push({ index, again: ask })
    }
    return op
  }

  #record(op: RecordedOp): RecordedOp {
    this.#world.ops.push(op)
    return op
  }

  /** What was done is sent again through another node: it must not be done again. */
  async #repeat(
    question: Question,
    op: RecordedOp,
    carrier: Carrier,
    node: CheckedNode,
  ): Promise<void> {
    const other = this.#world.anyNode(this.prng, node)
    const second = await this.#attempt(question, other, op.called, carrier)
    if (second.status !== 'ok') return
    const said = ({ rev, result }: RecordedOp): string => JSON.stringify({ rev, result })
    if (said(second) === said(op)) return
    this.#world.lies.push(
      `${op.op} ${op.key} (session ${carrier.session}, seq ${carrier.seq}): ${op.node} said ${said(op)}, and when it was sent again ${second.node} said ${said(second)}`,
    )
  }

  async #nextCarrier(): Promise<Carrier | undefined> {
    if (this.#session === undefined) {
      try {
        const node = this.#world.anyNode(this.prng)
        const answer = await this.#world.call(node, 'session.open', {})
        this.#session = String(answer['session'])
        this.#seq = 0
      } catch (error) {
        if (!(error instanceof ViewstampError)) throw error
        this.#world.countError(error.name, error.outcome)
        return undefined
      }
    }
    return { session: this.#session, seq: ++this.#seq }
  }

  async #attempt(
    question: Question,
    node: CheckedNode,
    called: number,
    carrier: Carrier | undefined,
  ): Promise<RecordedOp> {
    const { workload, key, op, args, method, params, read } = question
    const asked = { workload, client: this.#number, key, op, args, called, node: node.name }
    const base = { ...asked, ...carrier }
    const meta: JsonObject = { ...carrier }
    try {
      const answer = await this.#world.call(node, method, { ...params, meta })
      const returned = this.#world.now()
      const header = answer['header']
      const shard = isObject(header) ? { shard: String(header['shard']) } : {}
      const outcome = read(answer)
      return outcome === 'fail'
        ? { ...base, ...shard, returned, status: 'fail', outcome: 'none', error: 'COMPARE_FAILED' }
        : { ...base, ...shard, returned, status: 'ok', ...outcome }
    } catch (error) {
      if (!(error instanceof ViewstampError)) throw error
      const { name, outcome } = error
      this.#world.countError(name, outcome)
      await pause(PAUSE_MS)
      const status = outcome === 'none' ? 'fail' : 'info'
      return { ...base, returned: this.#world.now(), status, outcome, error: name }
    }
  }
}

function mayAskAgain({ status, outcome, error }: RecordedOp): boolean {
  return status === 'info' && outcome === 'unknown' && error !== 'SESSION_EVICTED'
}

/** «Not done» of a repeat says nothing of what was sent before; «not as expected» is the first answer. */
function again(before: RecordedOp, now: RecordedOp): RecordedOp {
  return now.status === 'fail' && now.error !== 'COMPARE_FAILED' ? before : now
}
