/**
 * The calls of this node that wait for the log: sent, sent again after a view change, answered when the
 * entry is executed here or the primary says what became of them, given up at their deadline. The
 * session and request-number make every sending after the first harmless.
 */
import { present } from '../base/assert.ts'
import { equalBytes } from '../base/bytes.ts'
import { ViewstampError } from '../base/errors.ts'
import { fingerprint } from '../base/fingerprint.ts'
import type { Effect, Executed } from '../vr/effect.ts'
import type { Command } from '../vr/entry.ts'
import type { RefusalReason, ReplyAnswer } from '../vr/message.ts'
import type { ClientId, RequestNumber } from '../vr/terms.ts'

export type ExecutedAnswer = Extract<ReplyAnswer, { type: 'executed' }>

export interface Fate {
  readonly answer: Exclude<ReplyAnswer, { type: 'refused' }>
  /** How often the command was sent: after more than one sending, a lost session may hide an execution. */
  readonly tries: number
}

type Answered = Extract<Effect, { type: 'answer' }>

interface Waiting {
  readonly command: Command
  /** What the caller gets of its fate; what it throws is the caller's. */
  readonly told: (fate: Fate) => unknown
  readonly resolve: (told: unknown) => void
  readonly reject: (error: unknown) => void
  readonly startedMs: number
  readonly deadlineMs: number
  /** Sendings whose fate we do not know: while there is one, the outcome is unknown. */
  sent: number
  /** All sendings ever. */
  tries: number
  /** When it was sent last, or refused since. */
  heardMs: number
  refused: boolean
}

export interface CallersPorts {
  /** Hands the command to the core: to the pipeline if we are primary, else towards the primary. */
  submit(command: Command): void
  /** There is a primary to send to, as far as we know. */
  reachable(): boolean
  nowMs(): number
}

/** What one node keeps waiting; more are refused. */
const WAITING_MAX = 65_536
/**
 * Who waits longer than this stands in a queue that grows: more are refused, so that those who are let in
 * have their answer in time to be of use. How many that are is for the machine to say (Little's law). Few
 * are never refused: a slow machine does as many within some seconds, or they wait for something else, such as a disk
 * that pauses.
 */
const QUEUED_MS_MAX = 1000
const FEW = 4096
/**
 * Nobody answered for this long: send again. Where answers take long because there is much to do, it is so many times
 * as long as the last one took: a primary that has everything is not to be sent thousands of commands once more.
 */
const RESEND_MS = 1000
const RESEND_MS_MAX = 4000
const RESEND_FACTOR = 3
/** A primary that refused is asked again after this. */
const REFUSED_MS = 20

export class Callers {
  readonly #ports: CallersPorts
  readonly #waiting = new Map<ClientId, Map<RequestNumber, Waiting>>()
  #count = 0
  #resendMs = RESEND_MS

  constructor(ports: CallersPorts) {
    this.#ports = ports
  }

  get size(): number {
    return this.#count
  }

  /** Lowest request-number of the client that still waits, or undefined. */
  oldest(client: ClientId): RequestNumber | undefined {
    return this.#waiting.get(client)?.keys().next().value
  }

  /** Resolves with what the log says; rejects with a ViewstampError whose outcome is true. */
  call(command: Command, timeoutMs: number): Promise<Fate> {
    return this.callFor(command, timeoutMs, fate => fate)
  }

  /** As call, with what `told` makes of it: one promise, where a `then` would be another for each of thousands. */
  callFor<T>(
    command: Command,
    timeoutMs: number,
    told: (fate: Fate) => T | Promise<T>,
  ): Promise<T> {
    const refused = this.#count < FEW ? undefined : this.#refusal()
    if (refused) return Promise.reject(refused)
    return new Promise<T>((resolve, reject) => {
      const now = this.#ports.nowMs()
      const waiting: Waiting = {
        command,
        told,
        resolve: resolve as Waiting['resolve'],
        reject,
        startedMs: now,
        deadlineMs: now + timeoutMs,
        sent: 0,
        tries: 0,
        heardMs: now,
        refused: false,
      }
      // Two calls with one session, number and operation are the same call: one answer is for both.
      const twin = this.#find(command.clientId, command.requestNumber)
      if (twin) {
        const isSame = equalBytes(twin.command.operation, command.operation)
        return isSame ? this.#join(twin, waiting) : reject(numberInUse(command))
      }
      this.#put(waiting)
      if (this.#ports.reachable()) this.#send(waiting)
    })
  }

  #refusal(): ViewstampError | undefined {
    if (this.#count >= WAITING_MAX) {
      const message = `this node has ${WAITING_MAX} calls waiting; try again in a moment`
      return new ViewstampError('OVERLOADED', message, { limit: WAITING_MAX })
    }
    if (!this.#isLate()) return undefined
    const message = `the ${this.#count} calls before this one take longer than a second; nothing was written, try again in a moment`
    return new ViewstampError('OVERLOADED', message, { retryAfterMs: 200 })
  }

  executed({ entry, answers }: Executed): void {
    if (this.#count === 0) return
    for (const [i, command] of entry.commands.entries()) {
      const answer = answers[i]
      const waiting = answer && this.#find(command.clientId, command.requestNumber)
      if (!waiting) continue
      // Not if a client uses the number for another operation, and that was executed.
      const { operation } = waiting.command
      const isThis = operation === command.operation || equalBytes(operation, command.operation)
      if (isThis) this.#settle(waiting, answer)
    }
  }

  answered({ clientId, requestNumber, fingerprint: of, answer }: Answered): void {
    const waiting = this.#find(clientId, requestNumber)
    if (waiting && fingerprint(waiting.command.operation) === of) this.#settle(waiting, answer)
  }

  #settle(waiting: Waiting, answer: ReplyAnswer): void {
    if (answer.type !== 'refused') {
      this.#remove(waiting)
      this.#learn(waiting)
      tell(waiting, { answer, tries: waiting.tries })
      return
    }
    waiting.sent = Math.max(0, waiting.sent - 1)
    const final = waiting.sent === 0 ? finalRefusal(waiting.command, answer.reason) : undefined
    if (final) {
      this.#remove(waiting)
      waiting.reject(final)
      return
    }
    waiting.heardMs = this.#ports.nowMs()
    waiting.refused = true
  }

  /** Of what was sent once: nobody knows which sending an answer is to (RFC 6298 §3). */
  #learn({ tries, startedMs }: Waiting): void {
    if (tries > 1) return
    const tookMs = this.#ports.nowMs() - startedMs
    this.#resendMs = Math.min(RESEND_MS_MAX, Math.max(RESEND_MS, RESEND_FACTOR * tookMs))
  }

  /** A view has started: whatever waits goes to its primary, in order. */
  viewStarted(): void {
    for (const waiting of this.#all()) this.#send(waiting)
  }

  /** Deadlines and repeats. */
  tick(): void {
    if (this.#count === 0) return
    const now = this.#ports.nowMs()
    const reachable = this.#ports.reachable()
    for (const waiting of this.#all()) {
      if (now >= waiting.deadlineMs) this.#giveUp(waiting)
      else if (reachable && now - waiting.heardMs >= this.#waitMs(waiting)) this.#send(waiting)
    }
  }

  /** Nobody will be answered any more, for the reason that the error gives. */
  stop(why: ViewstampError): void {
    for (const waiting of this.#all()) {
      this.#remove(waiting)
      const outcome = waiting.sent > 0 ? 'unknown' : 'none'
      const fate = outcome === 'none' ? 'was not sent' : 'was sent, its outcome is unknown'
      const message = `the write ${fate}; ${why.message}`
      waiting.reject(new ViewstampError(why.errorName, message, { ...why.details, outcome }))
    }
  }

  /** With a primary in reach; without one it is not the others that are waited for. */
  #isLate(): boolean {
    const first = this.#waiting.values().next().value?.values().next().value
    if (first === undefined || !this.#ports.reachable()) return false
    return this.#ports.nowMs() - first.startedMs > QUEUED_MS_MAX
  }

  #waitMs({ tries, refused }: Waiting): number {
    if (tries === 0) return 0
    return refused ? REFUSED_MS : this.#resendMs
  }

  #giveUp(waiting: Waiting): void {
    this.#remove(waiting)
    if (waiting.sent === 0) {
      const message = 'no quorum: no primary could be reached in time, and nothing was written'
      waiting.reject(new ViewstampError('NO_QUORUM', message, { outcome: 'none' }))
    } else {
      const message =
        'no answer in time: the write was sent and may or may not have been done; repeat it with the same session and seq to find out'
      waiting.reject(new ViewstampError('TIMEOUT', message, { outcome: 'unknown' }))
    }
  }

  #send(waiting: Waiting): void {
    waiting.sent++
    waiting.tries++
    waiting.heardMs = this.#ports.nowMs()
    waiting.refused = false
    this.#ports.submit(waiting.command)
  }

  #join(first: Waiting, second: Waiting): void {
    const both: Waiting = {
      ...first,
      told: fate => fate,
      resolve: fate => {
        tell(first, fate as Fate)
        tell(second, fate as Fate)
      },
      reject: error => {
        first.reject(error)
        second.reject(error)
      },
    }
    this.#remove(first)
    this.#put(both)
  }

  #find(client: ClientId, n: RequestNumber): Waiting | undefined {
    return this.#waiting.get(client)?.get(n)
  }

  #put(waiting: Waiting): void {
    const { clientId, requestNumber } = waiting.command
    const ofClient = this.#waiting.get(clientId)
    if (ofClient) ofClient.set(requestNumber, waiting)
    else this.#waiting.set(clientId, new Map([[requestNumber, waiting]]))
    this.#count++
  }

  #remove({ command: { clientId, requestNumber } }: Waiting): void {
    const ofClient = present(this.#waiting.get(clientId), 'the caller waits')
    if (!ofClient.delete(requestNumber)) return
    this.#count--
    if (ofClient.size === 0) this.#waiting.delete(clientId)
  }

  #all(): Waiting[] {
    const all: Waiting[] = []
    for (const ofClient of this.#waiting.values()) all.push(...ofClient.values())
    return all
  }
}

function tell({ told, resolve, reject }: Waiting, fate: Fate): void {
  try {
    resolve(told(fate))
  } catch (error) {
    reject(error)
  }
}

/** Why it is not worth sending again, or undefined. Every sending was refused: nothing was written. */
function finalRefusal(command: Command, reason: RefusalReason): ViewstampError | undefined {
  if (reason === 'number-in-use') return numberInUse(command)
  if (reason === 'no-space') {
    const message =
      'too many disks of this cluster are nearly full (storage.minFree): it takes no writes, and this one was not written. Free some space: alarms in «viewstamp status --all --json» say where'
    return new ViewstampError('READ_ONLY', message, { reason: 'NO_SPACE' })
  }
  if (reason !== 'overloaded') return undefined
  const message = 'the primary has too much to do; nothing was written, try again in a moment'
  return new ViewstampError('OVERLOADED', message, { retryAfterMs: 100 })
}

function numberInUse({ requestNumber: n }: Command): ViewstampError {
  const message = `meta.seq ${n} of this session is under way with another write; this one was not written: give each write a number of its own, and repeat a write exactly as it was`
  return new ViewstampError('SEQ_REUSED', message, { path: 'meta.seq' })
}
