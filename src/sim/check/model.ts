/**
 * What the committed log means, a second time and in plainer code: the sequential service, and the rules
 * of sessions (docs/divergence.md 4) without tables, digests or records. It sees every committed entry once.
 * Feeds it leaves to a machine that nobody restarts, and that no checkpoint has touched; what this one's answers
 * have to be is asked by other properties (feed-….ts).
 */
import { text, utf8 } from '../../base/bytes.ts'
import { createService } from '../../machine/compose.ts'
import { FeedMachine } from '../../machine/feed/feed-machine.ts'
import { type Registration, WINDOW_DEFAULT } from '../../vr/client-table.ts'
import type { Command, Entry } from '../../vr/entry.ts'
import type { ReplyAnswer } from '../../vr/message.ts'
import type { Service } from '../../vr/service.ts'
import { type Rev, revOf } from '../../vr/terms.ts'
import { isOfFeeds } from '../feed/query.ts'
import type { SimOptions } from '../options.ts'
import { evaluate, keyOf } from '../service.ts'

interface Session {
  readonly id: string
  readonly name: string
  readonly window: number
  readonly ttlMs: number
  expiresAt: number
  lastOp: number
  floor: number
  highest: number
}

interface Numbers {
  readonly rev: Rev
  readonly lamport: number
}

interface Version {
  readonly op: number
  readonly value: string | undefined
}

export class Model {
  /** Answers of op n: answers[n - 1]. */
  readonly answers: (ReplyAnswer | undefined)[][] = []
  readonly #clientsMax: number
  readonly #versions = new Map<string, Version[]>()
  readonly #expiry = new Map<string, number>()
  readonly #sessions = new Map<string, Session>()
  readonly #executed = new Map<string, { readonly line: string; readonly answer: ReplyAnswer }>()

  readonly #feeds: Service | undefined

  constructor({ replica, feeds }: Pick<SimOptions, 'replica' | 'feeds'>) {
    this.#clientsMax = replica.clientsMax
    this.#feeds = feeds && createService([new FeedMachine({ bounds: feeds.bounds })])
  }

  get op(): number {
    return this.answers.length
  }

  /** What a request that was executed is answered, for ever. */
  answerTo(session: string, n: number): ReplyAnswer | undefined {
    return this.#executed.get(`${session}#${n}`)?.answer
  }

  hasSession(id: string): boolean {
    return this.#sessions.has(id)
  }

  /** The value of a key behind this op. */
  valueAt(key: string, op: number): string | undefined {
    const versions = this.#versions.get(key) ?? []
    for (let i = versions.length - 1; i >= 0; i--) {
      const version = versions[i] as Version
      if (version.op <= op) return version.value
    }
    return undefined
  }

  apply(entry: Entry): void {
    const { opNumber: op, timeMs } = entry
    for (const { id, ttlMs, expiresAt } of [...this.#sessions.values()]) {
      if (ttlMs > 0 && expiresAt <= timeMs) this.#sessions.delete(id)
    }
    for (const [key, untilMs] of [...this.#expiry]) {
      if (untilMs > timeMs) continue
      this.#expiry.delete(key)
      this.#set(key, undefined, op)
    }
    let rev: number = entry.revBefore
    let { lamport } = entry
    this.#feeds?.advance(timeMs, { ...contextOf(entry), rev }, [])
    const answers = entry.commands.map(command => {
      if (command.kind === 'operation') rev++
      lamport++
      return this.#answer(entry, command, { rev: revOf(rev), lamport })
    })
    this.answers.push(answers)
  }

  #answer(entry: Entry, command: Command, numbers: Numbers): ReplyAnswer | undefined {
    const { opNumber, viewNumber, timeMs } = entry
    const executed = (result: string): ReplyAnswer => ({
      type: 'executed',
      opNumber,
      viewNumber,
      ...numbers,
      timeMs,
      result: utf8(result),
    })
    switch (command.kind) {
      case 'pulse':
        return undefined
      case 'register':
        return executed(JSON.stringify({ session: this.#register(entry, command).id }))
      case 'close':
        this.#sessions.delete(command.clientId)
        return executed('{}')
      case 'keep-alive': {
        const session = this.#sessions.get(command.clientId)
        if (session === undefined) return { type: 'forgotten', reason: 'no-session' }
        return executed(JSON.stringify({ session: this.#touch(session, entry).id }))
      }
      case 'operation':
        return this.#operation(entry, command, numbers, executed)
    }
  }

  #operation(
    entry: Entry,
    command: Command,
    numbers: Numbers,
    executed: (result: string) => ReplyAnswer,
  ): ReplyAnswer {
    const session = this.#sessions.get(command.clientId)
    if (session === undefined) return { type: 'forgotten', reason: 'no-session' }
    const n = command.requestNumber
    if (n <= session.floor) return { type: 'forgotten', reason: 'too-old' }
    const key = `${command.clientId}#${n}`
    const line = text(command.operation)
    const known = this.#executed.get(key)
    if (known) return known.line === line ? known.answer : { type: 'reused' }
    const result =
      this.#feeds && isOfFeeds(line)
        ? text(this.#feeds.execute(command.operation, { ...contextOf(entry), ...numbers }, []))
        : this.#execute(line, entry)
    const answer = executed(result)
    this.#executed.set(key, { line, answer })
    this.#touch(session, entry)
    session.highest = Math.max(session.highest, n)
    const floor = Math.max(command.ackedNumber, session.highest - session.window)
    session.floor = Math.max(session.floor, floor)
    return answer
  }

  #execute(line: string, { opNumber: op, timeMs }: Entry): string {
    const key = keyOf(line)
    const before = this.valueAt(key, op)
    const { value, result } = evaluate(before, line)
    if (line.startsWith('hold ')) this.#expiry.set(key, timeMs + Number(line.split(' ')[3] ?? 0))
    else if (value !== before) this.#expiry.delete(key)
    if (value !== before) this.#set(key, value, op)
    return result
  }

  #set(key: string, value: string | undefined, op: number): void {
    const versions = this.#versions.get(key)
    if (versions) versions.push({ op, value })
    else this.#versions.set(key, [{ op, value }])
  }

  #register(entry: Entry, command: Command): Session {
    const name: string = command.clientId
    const open = [...this.#sessions.values()].find(session => session.name === name)
    if (open) return this.#touch(open, entry)
    while (this.#sessions.size >= this.#clientsMax) this.#evict()
    // A scene registers without a wish.
    const wish = text(command.operation) || '{}'
    const { window = WINDOW_DEFAULT, ttlMs = 0 } = JSON.parse(wish) as Registration
    const id = `${name}@${entry.opNumber}`
    const session = { id, name, window, ttlMs, expiresAt: 0, lastOp: 0, floor: 0, highest: 0 }
    this.#sessions.set(id, session)
    return this.#touch(session, entry)
  }

  #touch(session: Session, { opNumber, timeMs }: Entry): Session {
    session.lastOp = opNumber
    if (session.ttlMs > 0) session.expiresAt = timeMs + session.ttlMs
    return session
  }

  /** The one that was silent for longest. */
  #evict(): void {
    const [first] = [...this.#sessions.values()].sort(
      (a, b) => a.lastOp - b.lastOp || (a.id < b.id ? -1 : 1),
    )
    if (first) this.#sessions.delete(first.id)
  }
}

const contextOf = ({ opNumber, timeMs, viewNumber }: Entry) => ({
  opNumber,
  timeMs,
  viewNumber,
  session: '',
})
