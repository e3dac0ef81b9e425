/**
 * Executing committed entries, in order (VRR §4.1 steps 5 and 7): the up-call to the service, the
 * client-table, and what the callers learn. The same on primary and backups: execution is a function
 * of the log.
 */
import { assert, present } from '../base/assert.ts'
import { utf8 } from '../base/bytes.ts'
import { maybeCheckpoint } from './checkpoint.ts'
import type { ExecutedAnswer, Session } from './client-table.ts'
import { expire, lookup, record, register, remove, touch } from './client-table.ts'
import type { Effect } from './effect.ts'
import type { Command, Entry } from './entry.ts'
import { entryAt, forget } from './log.ts'
import type { ReplyAnswer } from './message.ts'
import type { ChangeRecord } from './service.ts'
import type { Replica } from './state.ts'
import { opOf } from './state.ts'
import type { OpNumber, Rev } from './terms.ts'
import { opNumber, revOf } from './terms.ts'

/** Learns that ops up to k are committed; never goes back (a late message may carry less). */
export function learnCommit(replica: Replica, k: OpNumber): void {
  if (k > replica.knownCommit) replica.knownCommit = k
}

/** Executes what is committed and here. Returns the entries executed. */
export function executeCommitted(replica: Replica, effects: Effect[]): Entry[] {
  const executed: Entry[] = []
  for (;;) {
    const next = replica.commitNumber + 1
    if (next > replica.knownCommit || next > opOf(replica)) break
    const entry = present(entryAt(replica.log, next), 'entries not yet executed are in memory')
    executeEntry(replica, entry, effects)
    executed.push(entry)
  }
  if (executed.length > 0) {
    const { logTailMax, logTailBytesMax } = replica.options
    forget(replica.log, replica.commitNumber, logTailMax, logTailBytesMax)
  }
  return executed
}

/** Of one command. */
interface Numbers {
  readonly rev: Rev
  readonly lamport: number
}

function executeEntry(replica: Replica, entry: Entry, effects: Effect[]): void {
  assert(entry.opNumber === replica.commitNumber + 1, 'ops are executed in order, each once')
  const changes: ChangeRecord[] = []
  const answers: (ReplyAnswer | undefined)[] = []
  let rev: number = entry.revBefore
  let { lamport } = entry
  expire(replica.clientTable, entry.timeMs)
  const before = { rev: entry.revBefore, lamport }
  replica.service.advance(entry.timeMs, contextOf(entry, before, undefined), changes)
  for (const command of entry.commands) {
    if (command.kind === 'operation') rev++
    const numbers = { rev: revOf(rev), lamport: ++lamport }
    answers.push(executeCommand(replica, entry, command, numbers, changes))
  }
  replica.commitNumber = entry.opNumber
  effects.push({ type: 'executed', entry, answers, changes })
  maybeCheckpoint(replica, entry, effects)
}

function executeCommand(
  replica: Replica,
  entry: Entry,
  command: Command,
  numbers: Numbers,
  changes: ChangeRecord[],
): ReplyAnswer | undefined {
  const table = replica.clientTable
  switch (command.kind) {
    case 'pulse':
      return undefined
    case 'register':
      return answerOf(
        entry,
        numbers,
        sessionResult(register(table, command, entry, replica.options.clientsMax)),
      )
    case 'keep-alive': {
      const session = table.sessions.get(command.clientId)
      if (session === undefined) return { type: 'forgotten', reason: 'no-session' }
      return answerOf(entry, numbers, sessionResult(touch(table, session, entry)))
    }
    case 'close':
      remove(table, command.clientId)
      return answerOf(entry, numbers, SESSION_CLOSED)
    case 'operation': {
      // The check here is the authority; the one at admission only keeps the log clean. §2.4
      const known = lookup(table, command)
      if (known) return known
      const context = contextOf(entry, numbers, command)
      const answer = answerOf(
        entry,
        numbers,
        replica.service.execute(command.operation, context, changes),
      )
      record(table, command, answer, entry)
      return answer
    }
  }
}

const SESSION_CLOSED = utf8('{}')

/** Requests carry this client-id from now on. */
const sessionResult = ({ clientId }: Session): Uint8Array =>
  utf8(JSON.stringify({ session: clientId }))

function answerOf(entry: Entry, { rev, lamport }: Numbers, result: Uint8Array): ExecutedAnswer {
  const { opNumber, viewNumber, timeMs } = entry
  return { type: 'executed', opNumber, viewNumber, rev, lamport, timeMs, result }
}

function contextOf(entry: Entry, { rev, lamport }: Numbers, command: Command | undefined) {
  const { correlationId, causationId } = command ? traceOf(command.meta) : NO_TRACE
  return {
    opNumber: entry.opNumber,
    rev,
    lamport,
    timeMs: entry.timeMs,
    session: command?.clientId ?? '',
    viewNumber: entry.viewNumber,
    correlationId,
    causationId,
  }
}

export const correlationOf = (meta: string): string | undefined => traceOf(meta).correlationId

interface Trace {
  readonly correlationId: string | undefined
  readonly causationId: string | undefined
}

const NO_TRACE: Trace = { correlationId: undefined, causationId: undefined }

/** `meta` is JSON made by the node that took the call; of it machines see what names cause and effect. */
export function traceOf(meta: string): Trace {
  if (meta === '') return NO_TRACE
  try {
    const parsed: unknown = JSON.parse(meta)
    if (typeof parsed !== 'object' || parsed === null) return NO_TRACE
    const id = (name: string): string | undefined => {
      const value: unknown = Reflect.get(parsed, name)
      return typeof value === 'string' ? value : undefined
    }
    return { correlationId: id('correlationId'), causationId: id('causationId') }
  } catch {
    return NO_TRACE
  }
}

/** Highest op that is certainly committed and here: where a suffix may start. */
export function committedHere(replica: Replica): OpNumber {
  const known = Math.max(replica.knownCommit, replica.log.committedFloor, replica.commitNumber)
  return opNumber(Math.min(known, opOf(replica)))
}
