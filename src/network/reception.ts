/**
 * Who we are in a founded cluster and whom we let in: both ends of the hello exchange. What is
 * learnt about a peer is durable before the peer counts as connected.
 */
import { randomBytes } from 'node:crypto'
import type { Connection } from '@libp2p/interface'
import {
  fencedBy,
  type Hello,
  judgeHello,
  judgeLife,
  type LivePeer,
  PROTOCOL_VERSION,
  type Seen,
} from '../wire/hello.ts'
import type { Standing } from '../wire/promised.ts'
import type { Founded } from './founding-message.ts'
import { decodeAnswer, decodeHello, encodeAnswer, encodeHello } from './hello.ts'

/** Facts about this node, from its store. */
export interface Introduction {
  readonly clusterId: string
  readonly foundingId: string
  readonly name: string
  readonly incarnation: string
  readonly bootCounter: number
  readonly members: readonly { readonly name: string; readonly peerId: string }[]
  /** By shard, what the store held when it was opened. */
  readonly standing: readonly Standing[]
  peerSeen(peerId: string): Seen | undefined
  notePeer(peerId: string, seen: Seen): Promise<void>
}

/** What a node that is still founding is told by this member of a cluster that exists. */
export function foundedAnswer(self: Introduction, asker: string): Founded {
  const { clusterId, foundingId } = self
  const known = self.peerSeen(asker)?.incarnation
  return {
    type: 'FOUNDED',
    clusterId,
    foundingId,
    members: self.members.map(({ name, peerId }) => ({ name, peerId })),
    ...(known !== undefined && { yourIncarnation: known }),
  }
}

export interface ReceptionEvents {
  /** Our addresses now. */
  addresses(): readonly string[]
  announced(peer: string, addresses: readonly string[]): void
  /** Does the process that we are connected to answer, other than through `via`? By its answer one knows it. */
  isAlive(peer: string, via: Connection, isIt: (answer: Uint8Array) => boolean): Promise<boolean>
  /** The peer runs in a new process: all its connections but `via` are dead. */
  restarted(peer: string, via: Connection): void
  refused(peer: string, reason: string): void
  fenced(reason: string): void
}

/** The peer must not be talked to; `message` says why. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

export class Reception {
  readonly #self: Introduction
  readonly #events: ReceptionEvents
  readonly #nonce = randomBytes(8).toString('hex')
  readonly #live = new Map<string, LivePeer>()
  /** Processes that are being asked whether they live. */
  readonly #asked = new Map<LivePeer, Promise<boolean>>()

  constructor(self: Introduction, events: ReceptionEvents) {
    this.#self = self
    this.#events = events
  }

  /** What we say first. */
  greeting(peer: string): Uint8Array {
    return encodeHello(this.#hello(peer))
  }

  /** Answers a peer's greeting; `accepted` only after what it says is durable. Throws FormatError. */
  async welcome(
    via: Connection,
    greeting: Uint8Array,
  ): Promise<{ accepted: boolean; answer: Uint8Array }> {
    const peer = via.remotePeer.toString()
    const refusal = await this.#judge(via, decodeHello(greeting))
    const hello = this.#hello(peer)
    if (refusal === undefined) return { accepted: true, answer: encodeAnswer({ hello }) }
    this.#events.refused(peer, refusal.reason)
    const answer = encodeAnswer({ hello, refused: refusal.reason, fence: refusal.fence })
    return { accepted: false, answer }
  }

  /** Judges a peer's answer to our greeting. Throws Refusal or FormatError. */
  async verify(via: Connection, answerBytes: Uint8Array): Promise<void> {
    const answer = decodeAnswer(answerBytes)
    if (answer.refused !== undefined && answer.fence === true) {
      this.#events.fenced(`${answer.hello.name} refuses this node: ${answer.refused}`)
    }
    const refusal = await this.#judge(via, answer.hello)
    const reason = refusal?.reason ?? answer.refused
    if (reason === undefined) return
    this.#events.refused(via.remotePeer.toString(), reason)
    throw new Refusal(reason)
  }

  /** The last connection to the peer is gone. */
  gone(peer: string): void {
    this.#live.delete(peer)
  }

  #hello(peer: string): Hello {
    const { clusterId, foundingId, name, incarnation, bootCounter, standing } = this.#self
    const seenOfYou = this.#self.peerSeen(peer)
    return {
      version: PROTOCOL_VERSION,
      clusterId,
      foundingId,
      name,
      incarnation,
      bootCounter,
      instanceNonce: this.#nonce,
      addresses: this.#events.addresses(),
      standing,
      ...(seenOfYou && { seenOfYou }),
    }
  }

  async #judge(
    via: Connection,
    theirs: Hello,
  ): Promise<{ reason: string; fence: boolean } | undefined> {
    const peer = via.remotePeer.toString()
    const live = await this.#former(via, theirs)
    const mine = this.#hello(peer)
    const seen = this.#self.peerSeen(peer)
    const verdict = judgeHello(mine, theirs, { seen, live })
    // Only of our own cluster: in another one, a node of our key has a life of its own.
    const ours = theirs.clusterId === mine.clusterId && theirs.foundingId === mine.foundingId
    const fence = ours ? fencedBy(mine, theirs.name, theirs.seenOfYou) : undefined
    if (fence !== undefined) {
      this.#events.fenced(fence)
      return { reason: fence, fence: false }
    }
    if (verdict.type === 'refuse') return verdict
    if (verdict.type === 'restarted') this.#events.restarted(peer, via)
    const { incarnation, bootCounter, instanceNonce } = theirs
    // Before anything is awaited: of two copies that greet at the same time, one must lose.
    this.#live.set(peer, { bootCounter, instanceNonce })
    this.#events.announced(peer, theirs.addresses)
    const isNew = seen?.boot !== bootCounter || seen.nonce !== instanceNonce
    if (isNew || seen.incarnation !== incarnation) {
      await this.#self.notePeer(peer, { incarnation, boot: bootCounter, nonce: instanceNonce })
    }
    return undefined
  }

  /**
   * The process of the peer that we are connected to. Where the next one comes, it has ended, and its
   * connections are about to; if it still answers, the other one runs on a copy of its data.
   */
  async #former(via: Connection, theirs: Hello): Promise<LivePeer | undefined> {
    const peer = via.remotePeer.toString()
    const live = this.#live.get(peer)
    if (live === undefined || live.instanceNonce === theirs.instanceNonce) return live
    if (judgeLife(theirs, { seen: this.#self.peerSeen(peer), live }).type === 'refuse') return live
    const asking = this.#asked.get(live) ?? this.#ask(peer, via, live)
    this.#asked.set(live, asking)
    const answers = await asking
    this.#asked.delete(live)
    const now = this.#live.get(peer)
    return now === live ? { ...live, answers } : now
  }

  #ask(peer: string, via: Connection, { instanceNonce }: LivePeer): Promise<boolean> {
    const isIt = (answer: Uint8Array): boolean =>
      decodeAnswer(answer).hello.instanceNonce === instanceNonce
    return this.#events.isAlive(peer, via, isIt)
  }
}
