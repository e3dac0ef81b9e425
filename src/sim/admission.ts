/**
 * Whom a host listens to: the hello of the peer network (src/wire/hello.ts), judged for every process that
 * sends something. Simpler than the daemon's in one thing: the hello comes with every message instead of
 * opening a connection, so that a link which is cut one way still carries what goes the other way.
 */
import { type Hello, judgeHello, PROTOCOL_VERSION, type Seen } from '../wire/hello.ts'
import type { Image, Life } from './disk.ts'

/** One run of a daemon on one data directory. */
export interface Daemon {
  /** Of no two processes of a simulation the same: what the daemon draws at random. */
  readonly pid: number
  readonly number: number
  /** Where it notes whom it has seen. */
  readonly image: Image
  readonly life: Life
  /** Its data is rolled back, copied or new, and it does not know: nothing it says may be heard. */
  readonly isImpostor: boolean
  /** It says no hello any more. */
  isOver: boolean
}

export interface Refused {
  readonly reason: string
  /** The refused one is not the node that its peers know: it must stop. */
  readonly fence: boolean
}

interface Connection {
  readonly pid: number
  readonly bootCounter: number
  readonly sinceMs: number
}

export class Admission {
  /** Daemon that listens, and number of the replica that it listens to → the process of it. */
  readonly #live = new Map<number, Connection>()
  /** Replica that listened → processes that it ever accepted. */
  readonly #accepted = new Map<number, Set<number>>()

  /**
   * May what `from` sent at `sentMs` be heard by `to`? `undefined`: yes, and `to` has noted durably whom it
   * heard. What an accepted process sent before another one followed it may come late.
   */
  judge(from: Daemon, to: Daemon, sentMs: number): Refused | undefined {
    const pair = to.pid * 64 + from.number
    const live = this.#live.get(pair)
    if (live?.pid === from.pid) return undefined
    const seen = to.image.seen.get(from.number)
    const accepted = this.#acceptedBy(to.number)
    const isFollowed = accepted.has(from.pid) && seen?.nonce !== String(from.pid)
    if (isFollowed && sentMs <= (live?.sinceMs ?? Number.POSITIVE_INFINITY)) return undefined
    if (from.isOver) return { reason: `r${from.number} ended before it was heard`, fence: false }
    const { incarnation, bootCounter } = from.life
    const instanceNonce = String(from.pid)
    const known = live && { bootCounter: live.bootCounter, instanceNonce: String(live.pid) }
    const verdict = judgeHello(helloOf(to), helloOf(from), { seen, live: known })
    if (verdict.type === 'refuse') return verdict
    to.image.seen.set(from.number, { incarnation, boot: bootCounter, nonce: instanceNonce })
    accepted.add(from.pid)
    this.#live.set(pair, { pid: from.pid, bootCounter, sinceMs: sentMs })
    return undefined
  }

  #acceptedBy(number: number): Set<number> {
    const known = this.#accepted.get(number)
    if (known) return known
    const none = new Set<number>()
    this.#accepted.set(number, none)
    return none
  }
}

function helloOf({ pid, number, life }: Daemon): Hello {
  const { incarnation, bootCounter } = life
  return {
    version: PROTOCOL_VERSION,
    clusterId: 'sim',
    foundingId: 'f',
    name: `r${number}`,
    incarnation,
    bootCounter,
    instanceNonce: String(pid),
    addresses: [],
  }
}

/** Every other one has durably seen this life of the replica, or a later one. */
export function isSeenByAll(images: readonly Image[], number: number, life: Life): boolean {
  return images.every(({ seen }, i) => i === number || isSeen(seen.get(number), life))
}

function isSeen(seen: Seen | undefined, { incarnation, bootCounter }: Life): boolean {
  return seen !== undefined && seen.incarnation === incarnation && seen.boot >= bootCounter
}
