/**
 * The clients. Each opens a session, sends operations through any replica, and sends the same request
 * again, elsewhere, until it has an answer; some give up and come back with a new session. Reads
 * outside of the log are asked anew instead: they have no effect.
 */
import { present } from '../base/assert.ts'
import { text, utf8 } from '../base/bytes.ts'
import type { Prng } from '../base/prng.ts'
import { registration } from '../vr/client-table.ts'
import type { Command } from '../vr/entry.ts'
import type { ReplyAnswer } from '../vr/message.ts'
import { clientId, requestNumber } from '../vr/terms.ts'
import type { ClientEvent, ReadKind } from './event.ts'
import { FeedClient } from './feed/client.ts'
import { sessionOf } from './format.ts'
import type { History, Operation } from './history.ts'
import type { FeedsOptions, SimOptions, WorkloadOptions } from './options.ts'

type Given = Pick<SimOptions, 'workload' | 'feeds'>

const WINDOW = 8
const UNASKED_MAX = 200

export interface ClientPort {
  readonly nowMs: number
  /** Sends a command to a host; it may get lost. `seen`: the latest Lamport time that the client claims to know. */
  request(host: number, client: number, command: Command, seen: number): void
  read(host: number, client: number, id: number, key: string, kind: ReadKind): void
  at(atMs: number, event: ClientEvent): void
  /** Hosts that clients may use now. */
  readonly hosts: readonly number[]
  replied(operation: Operation): void
  /** A request that its session still waits for was answered `forgotten`. */
  forgotten(operation: Operation, reason: string): void
}

interface Outstanding {
  readonly operation: Operation
  /** `undefined`: a read. */
  readonly command: Command | undefined
  attempt: number
}

interface Client {
  readonly number: number
  /** Its own: what one client draws does not depend on when others do. */
  readonly prng: Prng
  /** What it claims to have seen, of the answers it got or of somewhere else. */
  readonly claims: Prng
  /** Absent: the service keeps no feeds. */
  readonly feeds: FeedClient | undefined
  /** The latest Lamport time that it was answered. */
  lamport: number
  sessions: number
  /** The name that it registers with, then the client-id that the log gave it. */
  session: string
  isOpen: boolean
  nextRequest: number
  readonly outstanding: Map<number, Outstanding>
}

export class Workload {
  readonly #options: WorkloadOptions
  readonly #history: History
  readonly #port: ClientPort
  readonly #clients: Client[] = []
  #left: number
  #values = 0
  /** Until the liveness phase, in which nobody gives up, or takes long to think. */
  #abandons = true
  /** Kinds of misuse that happened. */
  readonly fired = new Set<string>()

  constructor(given: Given, prng: Prng, history: History, port: ClientPort) {
    const { workload: options, feeds } = given
    const { overload, thinkMs } = options
    this.#options = overload ? { ...options, inFlight: WINDOW, thinkMs: thinkMs / 5 } : options
    this.#history = history
    this.#port = port
    this.#left = options.requests
    for (let number = 0; number < options.clients; number++) {
      const session = nameOf(number, 1)
      const outstanding = new Map<number, Outstanding>()
      this.#clients.push({
        number,
        prng: prng.fork(`client ${number}`),
        claims: prng.fork(`claims of client ${number}`),
        feeds: feeds && this.#feedClient(feeds, prng, number),
        lamport: 0,
        sessions: 1,
        session,
        isOpen: false,
        nextRequest: 1,
        outstanding,
      })
    }
  }

  #feedClient(feeds: FeedsOptions, prng: Prng, number: number): FeedClient {
    return new FeedClient(feeds, prng.fork(`feeds of client ${number}`), number, this.fired)
  }

  start(): void {
    for (const client of this.#clients) this.#register(client)
  }

  /** Every request was answered. */
  get isDone(): boolean {
    return this.#left === 0 && this.#clients.every(client => client.outstanding.size === 0)
  }

  /** In the liveness phase nobody gives up, and some more has to be served. */
  more(requests: number): void {
    this.#abandons = false
    // A run that lasts for minutes leaves more unasked than there is time for.
    this.#left = Math.min(this.#left, UNASKED_MAX) + requests
    for (const client of this.#clients) this.#next(client)
  }

  get waiting(): string {
    const ids = this.#clients.flatMap(client =>
      [...client.outstanding.values()].map(
        o => `${client.session}#${o.operation.requestNumber} ${o.operation.operation}`,
      ),
    )
    return `${this.#left} not yet asked; waiting: ${ids.join(', ') || 'none'}`
  }

  on(event: ClientEvent): void {
    const client = present(this.#clients[event.client], 'the client exists')
    switch (event.type) {
      case 'next':
        this.#next(client)
        return
      case 'timeout':
        this.#onTimeout(client, event.id, event.attempt)
        return
      case 'reply':
        this.#onReply(client, event.session, event.requestNumber, event.answer)
        return
      case 'value': {
        const reading = client.outstanding.get(event.id)
        if (reading === undefined || reading.command !== undefined) return
        this.#finish(client, event.id, reading.operation, event.value)
        return
      }
    }
  }

  #register(client: Client): void {
    this.#port.at(this.#port.nowMs + this.#options.timeoutMs, {
      type: 'timeout',
      client: client.number,
      id: -client.sessions,
      attempt: 0,
    })
    const wish = registration({ window: WINDOW, ttlMs: this.#options.sessionTtlMs })
    const command = commandOf('register', client.session, 0, 0, wish)
    this.#port.request(this.#anyHost(client), client.number, command, 0)
  }

  /** What was under way stays unknown; the old session is closed, or left to end by itself. */
  #renew(client: Client): void {
    if (client.isOpen && client.prng.chance(0.5)) {
      const close = commandOf('close', client.session, client.nextRequest, 0, new Uint8Array(0))
      this.#port.request(this.#anyHost(client), client.number, close, 0)
    }
    client.sessions++
    client.session = nameOf(client.number, client.sessions)
    client.isOpen = false
    client.nextRequest = 1
    client.outstanding.clear()
    this.#register(client)
  }

  #next(client: Client): void {
    if (!client.isOpen || this.#left === 0) return
    if (client.outstanding.size >= this.#options.inFlight) {
      if (this.#options.overload) this.fired.add('overload')
      return
    }
    const oldest = this.#oldest(client)
    if (client.nextRequest - oldest >= WINDOW) return
    this.#left--
    const isRead = client.prng.chance(this.#options.reads)
    if (isRead) this.#ask(client)
    else this.#send(client)
    if (this.#options.sessionTtlMs > 0 && client.prng.chance(0.1)) this.#keepAlive(client)
    // Whoever overloads does not wait for the answer.
    if (this.#options.overload) this.#think(client)
  }

  /** A sign of life of its own; nobody waits for the answer. */
  #keepAlive(client: Client): void {
    const sign = commandOf('keep-alive', client.session, 0, 0, new Uint8Array(0))
    this.#port.request(this.#anyHost(client), client.number, sign, 0)
  }

  #think(client: Client): void {
    const { thinkMs } = this.#options
    const think = Math.round(client.prng.exponential(this.#abandons ? thinkMs : thinkMs / 10))
    this.#port.at(this.#port.nowMs + think, { type: 'next', client: client.number })
  }

  /** Lowest request-number that is not answered: all below it are acknowledged. */
  #oldest(client: Client): number {
    let oldest = client.nextRequest
    for (const { operation, command } of client.outstanding.values()) {
      if (command) oldest = Math.min(oldest, operation.requestNumber)
    }
    return oldest
  }

  #send(client: Client): void {
    const line = client.feeds?.write() ?? this.#draw(client)
    const number = client.nextRequest++
    const acked = this.#oldest(client) - 1
    const command = commandOf(
      'operation',
      client.session,
      number,
      Math.min(acked, number - 1),
      utf8(line),
    )
    const operation = this.#call(client, line, number, client.session)
    const outstanding = { operation, command, attempt: 0 }
    client.outstanding.set(operation.id, outstanding)
    this.#attempt(client, outstanding)
  }

  #ask(client: Client): void {
    const key = client.feeds?.question() ?? this.#key(client)
    // What any replica has executed is promised to be a state that was, not to be the latest.
    const isStale = client.prng.chance(this.#options.stale)
    const operation = this.#call(client, `${isStale ? 'peek' : 'get'} ${key}`, 0, undefined)
    const outstanding = { operation, command: undefined, attempt: 0 }
    client.outstanding.set(operation.id, outstanding)
    this.#attempt(client, outstanding)
  }

  #call(client: Client, line: string, number: number, session: string | undefined): Operation {
    return this.#history.call({
      client: client.number,
      session,
      requestNumber: number,
      key: line.split(' ')[1] ?? '',
      operation: line,
      seen: this.#claim(client),
      calledMs: this.#port.nowMs,
    })
  }

  #claim({ claims, lamport }: Client): number {
    if (claims.chance(0.5)) return 0
    return claims.chance(0.1) ? lamport + claims.int(1, 1000) : lamport
  }

  #attempt(client: Client, outstanding: Outstanding): void {
    const { operation, command } = outstanding
    const attempt = ++outstanding.attempt
    const times = command && client.prng.chance(this.#options.twice) ? 2 : 1
    if (times === 2) this.fired.add('sending twice')
    for (let i = 0; i < times; i++) {
      const host = this.#anyHost(client)
      if (command) {
        operation.sendings++
        this.#port.request(host, client.number, command, operation.seen)
      } else {
        const kind = operation.operation.startsWith('peek') ? 'stale' : 'linearizable'
        if (kind === 'stale') this.fired.add('stale read')
        this.#port.read(host, client.number, operation.id, operation.key, kind)
      }
    }
    const patience = this.#options.timeoutMs * (1 + client.prng.float())
    const at = this.#port.nowMs + Math.round(patience)
    this.#port.at(at, { type: 'timeout', client: client.number, id: operation.id, attempt })
  }

  #onTimeout(client: Client, id: number, attempt: number): void {
    if (id < 0) {
      if (!client.isOpen && id === -client.sessions) this.#register(client)
      return
    }
    const outstanding = client.outstanding.get(id)
    if (outstanding === undefined || outstanding.attempt !== attempt) return
    if (outstanding.command && this.#abandons && client.prng.chance(this.#options.abandon)) {
      this.fired.add('giving up')
      this.#renew(client)
      return
    }
    this.#attempt(client, outstanding)
  }

  #onReply(client: Client, session: string, number: number, answer: ReplyAnswer): void {
    if (session !== client.session) return
    if (number === 0) {
      if (answer.type !== 'executed' || client.isOpen) return
      client.isOpen = true
      client.session = present(sessionOf(answer), 'a registration is answered with a session')
      for (let i = 0; i < this.#options.inFlight; i++) this.#next(client)
      return
    }
    for (const outstanding of client.outstanding.values()) {
      if (outstanding.command?.requestNumber !== number) continue
      const { operation } = outstanding
      if (answer.type === 'executed') {
        client.lamport = Math.max(client.lamport, answer.lamport)
        this.#finish(client, operation.id, operation, text(answer.result))
      } else if (answer.type === 'refused') {
        operation.refusals++
        this.#retryLater(client, operation.id, outstanding.attempt)
      } else {
        this.#port.forgotten(operation, answer.type === 'reused' ? answer.type : answer.reason)
        this.fired.add('eviction')
        this.#renew(client)
      }
      return
    }
  }

  #retryLater(client: Client, id: number, attempt: number): void {
    const at = this.#port.nowMs + client.prng.int(5, 100)
    this.#port.at(at, { type: 'timeout', client: client.number, id, attempt })
  }

  #finish(client: Client, id: number, operation: Operation, result: string): void {
    client.outstanding.delete(id)
    operation.returnedMs = this.#port.nowMs
    operation.result = result
    this.#port.replied(operation)
    client.feeds?.told(operation.operation, result)
    this.#think(client)
  }

  #anyHost({ prng }: Client): number {
    return prng.pick(this.#port.hosts)
  }

  #key({ prng }: Client): string {
    const kind = prng.pick(['r', 'a', 'c'] as const)
    return `${kind}${prng.int(1, this.#options.keys)}`
  }

  #draw(client: Client): string {
    const { prng } = client
    if (prng.chance(0.03)) return `hold t${prng.int(1, 3)} x 500`
    const key = this.#key(client)
    const value = ++this.#values
    if (prng.chance(0.15)) return `get ${key}`
    if (key.startsWith('a')) return `append ${key} ${value}`
    if (key.startsWith('c')) return `add ${key} ${prng.int(1, 9)}`
    if (prng.chance(0.3)) return `cas ${key} ${prng.int(1, value)} ${value}`
    return `put ${key} ${value}`
  }
}

/** What a registration asks for; its answer tells the session's id. */
const nameOf = (client: number, session: number): string => `c${client}.${session}`

function commandOf(
  kind: Command['kind'],
  session: string,
  number: number,
  acked: number,
  operation: Uint8Array,
): Command {
  return {
    kind,
    clientId: clientId(session),
    requestNumber: requestNumber(number),
    ackedNumber: requestNumber(acked),
    meta: '',
    operation,
  }
}
