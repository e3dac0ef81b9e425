/**
 * The client-table (VRR §4, §4.1), in its repaired form: it holds *executed* requests only, as part of
 * the replicated state; what is still on its way is looked up in the log. The paper updates it at
 * PREPARE, which locks a client out after a view change, and numbers a recovering client's requests by
 * «latest + 2», which mixes up two requests (docs/divergence.md 4). Here a session is opened through
 * the log and never resumed: its client-id is the name that the client chose and the op that opened it,
 * `name@op`, so that a late copy of a registration opens another session and never revives an evicted one.
 *
 * A client may have many requests under way: the table keeps every result the client has not
 * acknowledged, up to the session's window, and a fingerprint of the operation beside it: one number for two
 * operations is a mistake of the client, and told so.
 */
import { assert, present } from '../base/assert.ts'
import { fromHex, text, toHex, utf8 } from '../base/bytes.ts'
import { fingerprint } from '../base/fingerprint.ts'
import { digest } from '../base/hash.ts'
import type { Command } from './entry.ts'
import type { ReplyAnswer } from './message.ts'
import type { ServiceRecord } from './service.ts'
import type { ClientId, OpNumber, RequestNumber, Rev } from './terms.ts'
import { clientId, opNumber, requestNumber, revOf, viewNumber } from './terms.ts'

export type ExecutedAnswer = Extract<ReplyAnswer, { type: 'executed' }>

/** What is kept of an executed request. */
export interface Kept {
  readonly answer: ExecutedAnswer
  /** Of its operation: a client that uses the number for another one must not get this answer. */
  readonly fingerprint: number
}

export interface Session {
  readonly clientId: ClientId
  /** Results of requests at or below this are forgotten. */
  floor: RequestNumber
  /** Highest request-number executed. */
  highest: RequestNumber
  /** Last op that touched the session: the one with the lowest goes when the table is full. */
  lastOp: OpNumber
  readonly window: number
  /** Lifetime without a sign of life, in log time; 0: until evicted. */
  readonly ttlMs: number
  expiresAt: number
  readonly results: Map<RequestNumber, Kept>
  /** Bytes of the results kept. */
  resultBytes: number
}

export interface ClientTable {
  readonly sessions: Map<ClientId, Session>
  /** The name in a registration → the session it opened: registering again finds it. */
  readonly byName: Map<string, ClientId>
  readonly dirty: Set<ClientId>
  /** Digest of each session's record as of the last checkpoint; part of the checkpoint's state hash. */
  readonly digests: Map<ClientId, string>
  /** No session expires before this log time. */
  nextExpiry: number
}

/** Results longer than this (or empty, which the service never gives) are not kept: a repeat learns that it was executed, not the result. */
export const RESULT_KEPT_MAX = 64 * 1024
/** Of one session: the results of its oldest requests are dropped beyond this. */
const SESSION_BYTES_MAX = 256 * 1024
export const WINDOW_DEFAULT = 256
export const WINDOW_MAX = 8192
const CLIENTS_MAX = 1_000_000

export function emptyClientTable(): ClientTable {
  const never = Number.POSITIVE_INFINITY
  return {
    sessions: new Map(),
    byName: new Map(),
    dirty: new Set(),
    digests: new Map(),
    nextExpiry: never,
  }
}

/** What `register` carries, as JSON text. */
export interface Registration {
  readonly window?: number
  readonly ttlMs?: number
  /** Sessions that the table may hold with this one: in the log, so that all replicas evict alike. */
  readonly clients?: number
}

export interface Moment {
  readonly opNumber: OpNumber
  readonly timeMs: number
}

/** Opens the session, or finds it open: registering twice is registering once. */
export function register(
  table: ClientTable,
  command: Command,
  now: Moment,
  clientsMax: number,
): Session {
  const open = table.byName.get(command.clientId)
  const known = open === undefined ? undefined : table.sessions.get(open)
  if (known) return touch(table, known, now)
  const wish = parseRegistration(command.operation)
  while (table.sessions.size >= (wish.clients || clientsMax)) evictOne(table)
  const session: Session = {
    clientId: clientId(`${command.clientId}@${now.opNumber}`),
    floor: requestNumber(0),
    highest: requestNumber(0),
    lastOp: now.opNumber,
    window: wish.window,
    ttlMs: wish.ttlMs,
    expiresAt: 0,
    results: new Map(),
    resultBytes: 0,
  }
  add(table, session)
  return touch(table, session, now)
}

/** A sign of life at this op. */
export function touch(table: ClientTable, session: Session, now: Moment): Session {
  session.lastOp = now.opNumber
  if (session.ttlMs > 0) {
    session.expiresAt = now.timeMs + session.ttlMs
    table.nextExpiry = Math.min(table.nextExpiry, session.expiresAt)
  }
  table.dirty.add(session.clientId)
  return session
}

/** What is known of a request without executing it; `undefined`: nothing, it is new. */
export function lookup(table: ClientTable, command: Command): ReplyAnswer | undefined {
  const session = table.sessions.get(command.clientId)
  if (session === undefined) return { type: 'forgotten', reason: 'no-session' }
  const kept = session.results.get(command.requestNumber)
  if (kept !== undefined) {
    if (kept.fingerprint !== fingerprint(command.operation)) return { type: 'reused' }
    const isDropped = kept.answer.result.length === 0
    return isDropped ? { type: 'forgotten', reason: 'result-dropped' } : kept.answer
  }
  if (command.requestNumber <= session.floor) return { type: 'forgotten', reason: 'too-old' }
  return undefined
}

/** Keeps the result of an executed request and forgets what the client will not ask for again. */
export function record(
  table: ClientTable,
  command: Command,
  answer: ExecutedAnswer,
  now: Moment,
): void {
  const session = present(table.sessions.get(command.clientId), 'an executed request has a session')
  assert(command.requestNumber > session.floor, 'an executed request is above the floor')
  const keep = answer.result.length <= RESULT_KEPT_MAX
  session.results.set(command.requestNumber, {
    answer: keep ? answer : dropped(answer),
    fingerprint: fingerprint(command.operation),
  })
  if (keep) session.resultBytes += answer.result.length
  if (command.requestNumber > session.highest) session.highest = command.requestNumber
  touch(table, session, now)
  const floor = Math.max(session.floor, command.ackedNumber, session.highest - session.window)
  if (floor > session.floor) raiseFloor(session, requestNumber(floor))
  while (session.resultBytes > SESSION_BYTES_MAX) dropOldest(session)
}

const dropped = (answer: ExecutedAnswer): ExecutedAnswer => ({
  ...answer,
  result: new Uint8Array(0),
})

/** That it was executed stays known, what it gave does not. By number: the same one on every replica. */
function dropOldest(session: Session): void {
  let oldest: Kept | undefined
  let least = Number.POSITIVE_INFINITY
  for (const [n, kept] of session.results) {
    if (n >= least || kept.answer.result.length === 0) continue
    least = n
    oldest = kept
  }
  const { answer, fingerprint } = present(oldest, 'bytes are of results')
  session.results.set(requestNumber(least), { answer: dropped(answer), fingerprint })
  session.resultBytes -= answer.result.length
}

function forgetResult(session: Session, n: RequestNumber): void {
  session.resultBytes -= session.results.get(n)?.answer.result.length ?? 0
  session.results.delete(n)
}

function raiseFloor(session: Session, floor: RequestNumber): void {
  // A client may acknowledge any number: never count up to it blindly.
  if (floor - session.floor <= session.results.size) {
    for (let n = session.floor + 1; n <= floor; n++) forgetResult(session, requestNumber(n))
  } else {
    for (const n of session.results.keys()) if (n <= floor) forgetResult(session, n)
  }
  session.floor = floor
}

function add(table: ClientTable, session: Session): void {
  table.sessions.set(session.clientId, session)
  table.byName.set(nameOf(session.clientId), session.clientId)
}

export function remove(table: ClientTable, id: ClientId): boolean {
  if (!table.sessions.delete(id)) return false
  table.byName.delete(nameOf(id))
  table.dirty.add(id)
  return true
}

const nameOf = (id: ClientId): string => id.slice(0, Math.max(0, id.lastIndexOf('@')))

/** Log time has reached `timeMs`: sessions without a sign of life end, the same ones everywhere. */
export function expire(table: ClientTable, timeMs: number): void {
  if (timeMs < table.nextExpiry) return
  let next = Number.POSITIVE_INFINITY
  for (const session of table.sessions.values()) {
    if (session.ttlMs === 0) continue
    if (session.expiresAt <= timeMs) remove(table, session.clientId)
    else next = Math.min(next, session.expiresAt)
  }
  table.nextExpiry = next
}

/** A function of the log alone: the session whose last op is the lowest. */
function evictOne(table: ClientTable): void {
  let victim: Session | undefined
  for (const session of table.sessions.values()) {
    if (
      victim === undefined ||
      session.lastOp < victim.lastOp ||
      (session.lastOp === victim.lastOp && session.clientId < victim.clientId)
    ) {
      victim = session
    }
  }
  if (victim) remove(table, victim.clientId)
}

function parseRegistration(operation: Uint8Array): Required<Registration> {
  const whole = (value: unknown, low: number, high: number, otherwise: number): number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= low && value <= high
      ? value
      : otherwise
  let wish: Registration = {}
  try {
    const parsed: unknown = JSON.parse(text(operation))
    if (typeof parsed === 'object' && parsed !== null) wish = parsed
  } catch {
    // Not a registration that we understand: the same defaults on every replica.
  }
  return {
    window: whole(wish.window, 1, WINDOW_MAX, WINDOW_DEFAULT),
    ttlMs: whole(wish.ttlMs, 0, Number.MAX_SAFE_INTEGER / 4, 0),
    clients: whole(wish.clients, 1, CLIENTS_MAX, 0),
  }
}

export function registration(wish: Registration): Uint8Array {
  return utf8(JSON.stringify(wish))
}

// Records: how the table travels in checkpoints (§5.1) and state transfer (§5.2).

function sessionText(session: Session): string {
  const results = [...session.results].sort(([a], [b]) => a - b)
  return JSON.stringify([
    session.floor,
    session.highest,
    session.lastOp,
    session.window,
    session.ttlMs,
    session.expiresAt,
    results.map(([n, { answer: a, fingerprint }]) => [
      n,
      a.opNumber,
      a.viewNumber,
      a.rev,
      a.lamport,
      a.timeMs,
      fingerprint,
      toHex(a.result),
    ]),
  ])
}

/** Records changed since the last call, in order of id; brings the digests up to date. */
export function takeDirtySessions(table: ClientTable): ServiceRecord[] {
  const records: ServiceRecord[] = []
  for (const id of [...table.dirty].sort()) {
    const session = table.sessions.get(id)
    const value = session && sessionText(session)
    if (value === undefined) table.digests.delete(id)
    else table.digests.set(id, digest(utf8(value)))
    records.push({ id, value })
  }
  table.dirty.clear()
  return records
}

/** Equal on all replicas that executed the same ops. Call after takeDirtySessions. */
export function clientTableHash(table: ClientTable): string {
  assert(table.dirty.size === 0, 'digests are up to date')
  const rows = [...table.digests].map(([id, hash]) => `${id} ${hash}\n`)
  return digest(utf8(rows.sort().join('')))
}

export function sessionRecords(table: ClientTable): ServiceRecord[] {
  const ids = [...table.sessions.keys()].sort()
  return ids.map(id => ({
    id,
    value: sessionText(present(table.sessions.get(id), 'id is in the table')),
  }))
}

type SessionRow = [
  number,
  number,
  number,
  number,
  number,
  number,
  [number, number, number, number, number, number, number, string][],
]

export function loadSession(table: ClientTable, { id, value }: ServiceRecord): void {
  if (value === undefined) return
  const [floor, highest, lastOp, window, ttlMs, expiresAt, rows] = JSON.parse(value) as SessionRow
  const results = new Map<RequestNumber, Kept>()
  for (const [n, op, view, rev, lamport, timeMs, fingerprint, result] of rows) {
    const answer: ExecutedAnswer = {
      type: 'executed',
      opNumber: opNumber(op),
      viewNumber: viewNumber(view),
      rev: revOf(rev) as Rev,
      lamport,
      timeMs,
      result: fromHex(result),
    }
    results.set(requestNumber(n), { answer, fingerprint })
  }
  add(table, {
    clientId: clientId(id),
    floor: requestNumber(floor),
    highest: requestNumber(highest),
    lastOp: opNumber(lastOp),
    window,
    ttlMs,
    expiresAt,
    results,
    resultBytes: rows.reduce((sum, row) => sum + row[7].length / 2, 0),
  })
  table.digests.set(clientId(id), digest(utf8(value)))
  if (ttlMs > 0) table.nextExpiry = Math.min(table.nextExpiry, expiresAt)
}
