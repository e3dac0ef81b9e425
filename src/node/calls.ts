/** Writes, reads and sessions: from a call to an answer with its header. */
import { ERRORS, type ErrorName, ViewstampError } from '../base/errors.ts'
import { isObject, type Json } from '../base/json.ts'
import type { MachineService } from '../machine/compose.ts'
import { Rejected } from '../machine/machine.ts'
import { decodeResult, encodeOperation, resultText } from '../machine/operation.ts'
import type { Command } from '../vr/entry.ts'
import { requestNumber } from '../vr/terms.ts'
import type { Answer, Call, Header, Meta } from './api.ts'
import type { ExecutedAnswer, Fate } from './callers.ts'
import type { NodeContext } from './context.ts'
import { assertOpen, primaryName } from './context.ts'
import { route, shardByName } from './route.ts'
import { clientIdAt } from './session.ts'
import type { Shard } from './shard.ts'
import { readSpread, writeKeys } from './spread.ts'

export const TIMEOUT_MS = 10_000
const TIMEOUT_MAX_MS = 300_000

/** Never throws: rejects. */
export function write(context: NodeContext, call: Call): Promise<Answer> {
  try {
    const { meta } = call
    const shard = routeWrite(context, call)
    admitWrite(context, shard, meta)
    const operation = encodeOperation(call.machine, call.body)
    const command = ownCommand(context, shard, meta, operation)
    const options = { timeoutMs: timeoutOf(meta), command }
    return shard.write(operation, metaText(meta), options, answer =>
      answerOf(context, shard, answer, meta),
    )
  } catch (error) {
    return Promise.reject(error)
  }
}

/** A malformed program is refused here as the machine would refuse it. */
function routeWrite(context: NodeContext, call: Call): Shard {
  if (context.shards.length === 1) return route(context.shards, call)
  try {
    return route(context.shards, { ...call, keys: writeKeys(context.shards.length, call) })
  } catch (error) {
    if (error instanceof Rejected) throw rejected(error.errorName, error.message, error.data)
    throw error
  }
}

export async function read(context: NodeContext, call: Call): Promise<Answer> {
  if (context.shards.length > 1) {
    const names = context.shards.map(shard => shard.name)
    const spread = await readSpread(names, call, one => read(context, one))
    if (spread) return spread
  }
  const shard = route(context.shards, call)
  await waitFor(context, shard, call.meta)
  try {
    const result = serviceOf(shard).query(call.machine, call.body, shard.timeMs)
    return { result, header: headerOf(context, shard) }
  } catch (error) {
    if (error instanceof Rejected) throw rejected(error.errorName, error.message, error.data)
    throw error
  }
}

/** Waits until this node may answer at the asked consistency. */
export async function waitFor(context: NodeContext, shard: Shard, meta: Meta): Promise<void> {
  assertOpen(context)
  const consistency = meta.consistency ?? 'linearizable'
  if (consistency === 'local') return
  if (consistency === 'session') {
    const deadline = performance.now() + timeoutOf(meta)
    while (shard.rev < (meta.minRev ?? 0)) {
      await shard.reads.reached(shard.replica.commitNumber + 1, deadline - performance.now())
    }
    return
  }
  notForwarded(context, shard, meta)
  await shard.reads.linearizable(timeoutOf(meta))
}

export async function stateHash(context: NodeContext, meta: Meta): Promise<Answer> {
  const shard = shardByName(context.shards, meta.shard)
  await waitFor(context, shard, meta)
  const header = headerOf(context, shard)
  const service = serviceOf(shard)
  const [hash, machines] = [service.stateHash(), service.hashes()]
  return { result: { hash, op: shard.replica.commitNumber, rev: shard.rev, machines }, header }
}

/** The same object as the last time where nothing in it has changed: the answers of one entry share it. */
export function headerOf(context: NodeContext, shard: Shard, at?: ExecutedAnswer): Header {
  const { replica, lastHeader: last } = shard
  const epoch = replica.configuration.epochNumber
  const view = at ? at.viewNumber : replica.viewNumber
  const op = at ? at.opNumber : replica.commitNumber
  const commit = replica.commitNumber
  const primary = primaryName(context, shard)
  const timeMs = at ? at.timeMs : shard.timeMs
  const isLast = last?.op === op && last.view === view && last.epoch === epoch
  if (isLast && last.commit === commit && last.primary === primary && last.timeMs === timeMs) {
    return last
  }
  const { clusterId: cluster, name: node } = context.cluster
  shard.lastHeader = { cluster, node, shard: shard.name, epoch, view, op, commit, primary, timeMs }
  return shard.lastHeader
}

export function admitWrite(context: NodeContext, shard: Shard, meta: Meta): void {
  assertOpen(context)
  const full = context.alarms.get('no_space')
  if (full) throw new ViewstampError('READ_ONLY', full, { reason: 'NO_SPACE' })
  notForwarded(context, shard, meta)
}

function notForwarded(context: NodeContext, shard: Shard, meta: Meta): void {
  if (meta.forward !== false || shard.isPrimary) return
  const primary = primaryName(context, shard)
  const member = context.cluster.members.find(m => m.name === primary)
  const url = member && context.rpcUrls.get(member.peerId)
  const where = primary === null ? 'no primary is known yet' : `the primary is ${primary}`
  const message = `${context.cluster.name} is not the primary of shard ${shard.name}: ${where}`
  throw new ViewstampError('NOT_PRIMARY', message, { primary: url ?? primary ?? '' })
}

function ownCommand(
  context: NodeContext,
  shard: Shard,
  meta: Meta,
  operation: Uint8Array,
): Command | undefined {
  if (meta.session === undefined) return undefined
  if (meta.seq === undefined) {
    throw new ViewstampError('INVALID_PARAMS', 'meta.seq must go with meta.session', {
      path: 'meta.seq',
    })
  }
  return {
    kind: 'operation',
    clientId: clientIdAt(meta.session, context.shards.indexOf(shard), context.shards.length),
    requestNumber: requestNumber(meta.seq),
    ackedNumber: requestNumber(0),
    meta: metaText(meta),
    operation,
  }
}

/** What of the meta travels in the log. */
function metaText(meta: Meta): string {
  const { correlationId, causationId } = meta
  if (correlationId === undefined && causationId === undefined) return ''
  return JSON.stringify({ correlationId, causationId })
}

function answerOf(context: NodeContext, shard: Shard, answer: Fate['answer'], meta: Meta): Answer {
  if (answer.type !== 'executed') throw notAnswered(answer, meta, shard)
  const header = headerOf(context, shard, answer)
  const json = resultText(answer.result)
  if (json !== undefined) return new WriteAnswer(json, answer.lamport, header)
  const outcome = decodeResult(answer.result)
  if (outcome.type === 'result') {
    return { result: outcome.result, lamport: answer.lamport, header }
  }
  const { name, message, data } = outcome.error
  throw rejected(name, message, data)
}

/**
 * Most results go from the log to the caller as they are, without anybody looking into them. Neither form is
 * a member of its own: a copy with another result is not to keep the text of this one.
 */
class WriteAnswer implements Answer {
  readonly lamport: number
  readonly header: Header
  readonly #json: string

  constructor(json: string, lamport: number, header: Header) {
    this.lamport = lamport
    this.header = header
    this.#json = json
  }

  get resultText(): string {
    return this.#json
  }

  get result(): Json {
    const result: Json = JSON.parse(this.#json)
    return result
  }
}

/** The machine's refusal, in the words of the contract: it was executed, and changed nothing. */
function rejected(name: string, message: string, data: Json): ViewstampError {
  const known = Object.hasOwn(ERRORS, name) ? (name as ErrorName) : 'APP_REJECTED'
  return new ViewstampError(known, message, {
    ...(isObject(data) ? data : { data }),
    ...(known === name ? {} : { reason: name }),
    outcome: 'none',
  })
}

type NotAnswered = Exclude<Fate['answer'], { type: 'executed' }>

export function notAnswered(answer: NotAnswered, meta: Meta, shard: Shard): ViewstampError {
  if (answer.type === 'reused') {
    const message = `meta.seq ${meta.seq} of this session was used for another write, which was executed; this one was not, and never is: give each write a number of its own, and repeat a write exactly as it was`
    return new ViewstampError('SEQ_REUSED', message, { path: 'meta.seq' })
  }
  switch (answer.reason) {
    case 'no-session':
      return new ViewstampError(
        'SESSION_EVICTED',
        `the session ${meta.session ?? 'of this node'} is not known (any more) in shard ${shard.name}: open another; whether an earlier sending was executed is unknown`,
      )
    case 'too-old':
      return new ViewstampError(
        'SESSION_EVICTED',
        'the session has moved on: answers this far back are no longer kept',
      )
    case 'result-dropped':
      return new ViewstampError(
        'SESSION_EVICTED',
        'the write was executed, but its answer was too large to keep for a repeat',
        { outcome: 'applied' },
      )
  }
}

export function timeoutOf(meta: Meta): number {
  return Math.min(Math.max(1, meta.timeoutMs ?? TIMEOUT_MS), TIMEOUT_MAX_MS)
}

export function serviceOf(shard: Shard): MachineService {
  return shard.service
}
