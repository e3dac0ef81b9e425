/**
 * Runs founding-core over a network: founders find each other, agree on the member list, and only
 * then does a cluster exist. Where promises and the result are kept is the caller's business.
 */
import { randomBytes } from 'node:crypto'
import { FormatError } from '../base/bytes.ts'
import { cleanAddresses } from './address.ts'
import type { PeerAddresses } from './address-book.ts'
import { NetworkError } from './error.ts'
import { countOf, fieldsOf, textOf } from './fields.ts'
import {
  createFounding,
  type FoundingCore,
  type FoundingDoc,
  type FoundingEffect,
  type FoundingInput,
  stepFounding,
  TICK_MS,
} from './founding-core.ts'
import {
  decodeFounding,
  encodeFounding,
  type Founder,
  type FoundingMessage,
  type FoundingTerms,
  founderOf,
  type MemberList,
  memberListOf,
} from './founding-message.ts'
import type { Log } from './log.ts'
import { messageOf } from './secret-file.ts'

/** The network while there is no cluster: anybody (or the listed) may connect, and only found. */
export interface FoundingTransport {
  readonly peerId: string
  readonly addresses: readonly string[]
  open(events: FoundingTransportEvents, admits: 'anyone' | readonly string[]): Promise<void>
  connected(): readonly string[]
  /** May be lost. */
  send(peer: string, frame: Uint8Array): void
  meet(peers: readonly PeerAddresses[]): void
  /** Founding is over; whoever still asks gets what `answer` gives. */
  close(answer: ((peer: string) => Uint8Array) | undefined): void
}

export interface FoundingTransportEvents {
  message(peer: string, frame: Uint8Array, reply: (frame: Uint8Array) => void): void
  joined(peer: string): void
  left(peer: string): void
  /** The peer took our connection and closed it without a word, as one does with strangers. */
  shutOut(peer: string): void
}

export interface FoundingOptions {
  readonly transport: FoundingTransport
  readonly name: string
  readonly clusterId: string
  readonly shards: number
  /** How many founders; with `members` it is their number. */
  readonly expect?: number | undefined
  /** From the configuration; left out, whoever comes is a founder. */
  readonly members?: readonly (PeerAddresses & { readonly name: string })[] | undefined
  /** What persistPromise kept in a former life, parsed from JSON; undefined the first time. */
  loadPromise(): Promise<unknown>
  /** Resolves when the document is durable; it replaces the former one. */
  persistPromise(doc: FoundingDoc): Promise<void>
  /** Make the data directory. The promise may be removed after it. */
  onFounded(record: FoundedRecord): Promise<void>
  readonly log: Log
  readonly signal?: AbortSignal | undefined
}

/** Fits ClusterRecord of the store; the founders' incarnations come with it. */
export interface FoundedRecord {
  readonly clusterId: string
  readonly foundingId: string
  readonly peerId: string
  readonly name: string
  readonly incarnation: string
  readonly shards: number
  readonly members: readonly Founder[]
}

/** Rejects with NetworkError when this node cannot be a founder; the message says what to do. */
export async function foundCluster(options: FoundingOptions): Promise<FoundedRecord> {
  await options.transport.open(
    { message: () => {}, joined: () => {}, left: () => {}, shutOut: () => {} },
    options.members === undefined ? 'anyone' : options.members.map(member => member.peerId),
  )
  const doc = await documentOf(options)
  const run = new FoundingRun(options, createFounding(doc))
  const record = await run.founded()
  await options.onFounded(record)
  return record
}

/** A founder keeps its incarnation from before its first word: others will promise it by that. */
async function documentOf(options: FoundingOptions): Promise<FoundingDoc> {
  const { transport, name } = options
  const terms = termsOf(options)
  const kept = await options.loadPromise()
  const former = kept === undefined ? undefined : readFoundingDoc(kept)
  if (former !== undefined) assertSame(former, { ...options, peerId: transport.peerId })
  const incarnation = former?.self.incarnation ?? randomBytes(8).toString('hex')
  const addresses = cleanAddresses(transport.addresses)
  const self = { peerId: transport.peerId, name, addresses, incarnation }
  const promised = former?.promised
  const doc: FoundingDoc = { version: 1, terms, self, ...(promised && { promised }) }
  await options.persistPromise(doc)
  return doc
}

function termsOf({ clusterId, shards, expect, members }: FoundingOptions): FoundingTerms {
  const ids = members?.map(member => member.peerId).sort((a, b) => (a < b ? -1 : 1))
  return { clusterId, shards, expect: ids?.length ?? expect ?? 1, ...(ids && { members: ids }) }
}

function assertSame(
  former: FoundingDoc,
  now: { readonly peerId: string; readonly name: string; readonly clusterId: string },
): void {
  const { self, terms } = former
  const differs = (what: string, then: string, today: string): NetworkError =>
    new NetworkError(
      'disagreement',
      `this data directory began to found a cluster with ${what} ${then}, and now it is to be ${today}: start it with the former, or remove the data directory to begin anew`,
    )
  if (self.peerId !== now.peerId) throw differs('peer id', self.peerId, now.peerId)
  if (self.name !== now.name) throw differs('name', self.name, now.name)
  if (terms.clusterId !== now.clusterId) {
    throw differs('cluster id', terms.clusterId, now.clusterId)
  }
}

/** Reads what persistPromise was given, back from JSON. */
export function readFoundingDoc(value: unknown): FoundingDoc {
  try {
    const fields = fieldsOf(value, 'founding promise')
    if (fields['version'] !== 1) throw new FormatError('not of version 1')
    const terms = fieldsOf(fields['terms'], 'terms')
    const promised = fields['promised']
    return {
      version: 1,
      terms: {
        clusterId: textOf(terms['clusterId'], 'clusterId'),
        shards: countOf(terms['shards'], 'shards'),
        expect: countOf(terms['expect'], 'expect'),
      },
      self: founderOf(fields['self']),
      ...(promised !== undefined && { promised: memberListOf(promised) }),
    }
  } catch (error) {
    throw new NetworkError(
      'disagreement',
      `the founding promise (founding.json in the data directory) cannot be read (${messageOf(error)}): if no founder has reported "founded" yet, remove the data directories of all founders and start again`,
      { cause: error },
    )
  }
}

/** Closed on us that often, over that time, while nobody talks to us: we are not wanted. */
const SHUT_OUT_TIMES = 6
const SHUT_OUT_MS = 4000
const REPORT_TICKS = 20

class FoundingRun {
  readonly #options: FoundingOptions
  readonly #core: FoundingCore
  readonly #shutOut = { times: 0, sinceMs: 0 }
  #timer: NodeJS.Timeout | undefined
  #ticks = 0
  #resolve: (record: FoundedRecord) => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(options: FoundingOptions, core: FoundingCore) {
    this.#options = options
    this.#core = core
  }

  async founded(): Promise<FoundedRecord> {
    const { transport, members, signal } = this.#options
    const cancel = (): void =>
      this.#reject(new NetworkError('cancelled', 'founding was cancelled: start again to go on'))
    const result = new Promise<FoundedRecord>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // It may be rejected before anybody awaits it.
    result.catch(() => {})
    signal?.addEventListener('abort', cancel)
    try {
      if (signal?.aborted === true) cancel()
      await transport.open(this.#transportEvents(), this.#core.terms.members ?? 'anyone')
      transport.meet(members ?? [])
      transport.meet(this.#core.promised?.founders ?? [])
      this.#timer = setInterval(() => this.#tick(), TICK_MS)
      this.#step({ type: 'tick' })
      const record = await result
      transport.close(peer => encodeFounding(this.#answer(peer)))
      return record
    } catch (error) {
      transport.close(undefined)
      throw error
    } finally {
      clearInterval(this.#timer)
      signal?.removeEventListener('abort', cancel)
    }
  }

  #transportEvents(): FoundingTransportEvents {
    return {
      message: (from, frame) => {
        this.#shutOut.times = 0
        // A FormatError goes up to the stream, which is cut.
        this.#step({ type: 'heard', from, message: decodeFounding(frame) })
      },
      joined: peer => this.#step({ type: 'joined', peer }),
      left: peer => this.#step({ type: 'left', peer }),
      shutOut: peer => this.#onShutOut(peer),
    }
  }

  #tick(): void {
    this.#step({ type: 'tick' })
    if (this.#ticks++ % REPORT_TICKS !== 4) return
    const here = [...this.#core.seen.values()].filter(seen => seen.here)
    const names = [this.#core.self.name, ...here.map(seen => seen.state.self.name)]
    const { expect } = this.#core.terms
    this.#options.log.info(
      { expect, founders: names, phase: this.#core.phase },
      names.length < expect
        ? `waiting for founders: ${names.length} of ${expect} are here (${names.join(', ')})`
        : `${names.length} founders are here, agreeing on the member list`,
    )
  }

  #step(input: FoundingInput): void {
    for (const effect of stepFounding(this.#core, input)) this.#execute(effect)
  }

  #execute(effect: FoundingEffect): void {
    const { transport, log } = this.#options
    switch (effect.type) {
      case 'send':
        transport.send(effect.to, encodeFounding(effect.message))
        break
      case 'broadcast':
        for (const peer of transport.connected()) {
          transport.send(peer, encodeFounding(effect.message))
        }
        break
      case 'meet':
        transport.meet(effect.peers)
        break
      case 'persist':
        this.#options.persistPromise(effect.doc).then(
          () => this.#step({ type: 'persisted' }),
          error => this.#reject(error),
        )
        break
      case 'founded': {
        const names = effect.list.founders.map(founder => founder.name).join(', ')
        const fields = { foundingId: effect.foundingId, members: names }
        log.info(fields, `cluster "${effect.list.clusterId}" is founded: ${names}`)
        this.#resolve(this.#recordOf(effect.list, effect.foundingId))
        break
      }
      case 'stop':
        // What was sent just now should still leave: the other side must hear why.
        setTimeout(() => this.#reject(new NetworkError(effect.reason, effect.sentence)), TICK_MS)
        break
    }
  }

  #recordOf(list: MemberList, foundingId: string): FoundedRecord {
    const { peerId, name, incarnation } = this.#core.self
    const { clusterId, shards, founders } = list
    return { clusterId, foundingId, peerId, name, incarnation, shards, members: founders }
  }

  #answer(peer: string): FoundingMessage {
    const { promised, promisedId } = this.#core
    const asker = promised?.founders.find(founder => founder.peerId === peer)
    return {
      type: 'FOUNDED',
      clusterId: this.#core.terms.clusterId,
      foundingId: promisedId ?? '',
      members: promised?.founders ?? [],
      ...(asker && { yourIncarnation: asker.incarnation }),
    }
  }

  #onShutOut(peer: string): void {
    const nowMs = performance.now()
    if (this.#shutOut.times++ === 0) this.#shutOut.sinceMs = nowMs
    const { times, sinceMs } = this.#shutOut
    if (times < SHUT_OUT_TIMES || nowMs - sinceMs < SHUT_OUT_MS) return
    const { name, peerId } = this.#core.self
    this.#reject(
      new NetworkError(
        'not-a-member',
        `${peer} closes every connection of ${name}: its cluster does not have ${peerId} as a member; start it with its own identity.key, correct cluster.members, or point --peer elsewhere (members cannot be added in this version)`,
      ),
    )
  }
}
