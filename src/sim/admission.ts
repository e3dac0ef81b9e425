/**
 * Whom a host listens to: the hello of the peer network (src/wire/hello.ts), judged for every process that
 * sends something. Simpler than the daemon's in one thing: the hello comes with every message instead of
 * opening a connection, so that a link which is cut one way still carries what goes the other way.
 */
import type { Message } from '../vr/message.ts'
import { type Hello, judgeHello, PROTOCOL_VERSION, type Seen } from '../wire/hello.ts'
import { type Promised, promiseIn, raised, type Standing } from '../wire/promised.ts'
import { headOf, type Image, type Life, standingOn } from './disk.ts'
import type { Teller } from './recorder.ts'

/** What a listener heard last of what others promised reaches its disk so much later. */
const PROMISES_MS = 1000

/** One run of a daemon on one data directory. */
export interface Daemon {
  /** Of no two processes of a simulation the same: what the daemon draws at random. */
  readonly pid: number
  readonly number: number
  /** Where it notes whom it has seen. */
  readonly image: Image
  readonly life: Life
  /** What its disk held when it started. */
  standing: Standing
  /** What the others promised, as it heard. */
  readonly promised: Map<number, Promised>
  /** When that was last on its disk. */
  notedMs: number
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
  readonly #record: Teller | undefined

  constructor(record?: Teller) {
    this.#record = record
  }

  /**
   * May what `from` sent at `sentMs` be heard by `to`? `undefined`: yes, and `to` has noted durably whom it
   * heard. What an accepted process sent before another one followed it may come late.
   */
  judge(from: Daemon, to: Daemon, sentMs: number): Refused | undefined {
    const pair = to.pid * 64 + from.number
    const live = this.#live.get(pair)
    if (live?.pid === from.pid) return undefined
    const seen = seenBy(to, from.number)
    const accepted = this.#acceptedBy(to.number)
    const isFollowed = accepted.has(from.pid) && seen?.nonce !== String(from.pid)
    if (isFollowed && sentMs <= (live?.sinceMs ?? Number.POSITIVE_INFINITY)) return undefined
    if (from.isOver) return { reason: `r${from.number} ended before it was heard`, fence: false }
    const { incarnation, bootCounter } = from.life
    const instanceNonce = String(from.pid)
    const known = live && { bootCounter: live.bootCounter, instanceNonce: String(live.pid) }
    const verdict = judgeHello(helloOf(to), helloOf(from), { seen, live: known })
    if (verdict.type === 'refuse') return verdict
    if (seen?.incarnation !== incarnation) to.promised.delete(from.number)
    const promised = [to.promised.get(from.number)]
    const life = { incarnation, boot: bootCounter, nonce: instanceNonce }
    to.image.seen.set(from.number, { ...life, promised })
    this.#record?.(to.image, { type: 'met', peer: from.number, life })
    accepted.add(from.pid)
    this.#live.set(pair, { pid: from.pid, bootCounter, sinceMs: sentMs })
    return undefined
  }

  /** What an accepted process has promised is known at once, and on the listener's disk a little later. */
  heard(
    from: Daemon,
    to: Daemon,
    told: { message: Message; standing: Standing },
    at: number,
  ): void {
    const { message, standing } = told
    const promised = promiseIn(message)
    if (promised !== undefined) this.note(from, to, promised, at)
    if (standing.log !== 'recovering') this.note(from, to, standing, at)
  }

  note(from: Daemon, to: Daemon, promised: Promised, nowMs: number): void {
    if (to.image.seen.get(from.number)?.incarnation !== from.life.incarnation) return
    to.promised.set(from.number, raised(to.promised.get(from.number), promised))
    if (nowMs - to.notedMs < PROMISES_MS) return
    to.notedMs = nowMs
    for (const [number, life] of to.image.seen) {
      to.image.seen.set(number, { ...life, promised: [to.promised.get(number)] })
    }
    this.#record?.(to.image, { type: 'promised', by: new Map(to.promised) })
  }

  #acceptedBy(number: number): Set<number> {
    const known = this.#accepted.get(number)
    if (known) return known
    const none = new Set<number>()
    this.#accepted.set(number, none)
    return none
  }
}

/** What is in memory is never behind the disk. */
function seenBy({ image, promised }: Daemon, number: number): Seen | undefined {
  const seen = image.seen.get(number)
  return seen && { ...seen, promised: [promised.get(number)] }
}

/** A process that starts on this disk, and what it knows of the others. */
export function newDaemon(
  image: Image,
  fields: Pick<Daemon, 'pid' | 'number' | 'isImpostor'> & { readonly nowMs: number },
): Daemon {
  const { nowMs: notedMs, ...who } = fields
  const promised = new Map<number, Promised>()
  for (const [number, seen] of image.seen) {
    const known = seen.promised?.[0]
    if (known !== undefined) promised.set(number, known)
  }
  const standing = standingOn(image)
  return { ...who, image, life: image.life, standing, promised, notedMs, isOver: false }
}

function helloOf({ pid, number, life, standing }: Daemon): Hello {
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
    standing: [standing],
  }
}

/**
 * Everybody else knows, durably, that `image` is not what replica `number` has become: they have seen `life` of
 * it or a later one, or it promised them what is not there. Told without the judge, which is under test.
 */
export function isKnownAsOld(
  images: readonly Image[],
  number: number,
  { image, life }: { readonly image: Image; readonly life: Life },
): boolean {
  return images.every(({ seen }, i) => {
    if (i === number) return true
    const known = seen.get(number)
    if (known === undefined || known.incarnation !== life.incarnation) return false
    const promised = known.promised?.[0]
    return known.boot >= life.bootCounter || (promised !== undefined && lacks(image, promised))
  })
}

function lacks(image: Image, { viewNumber, lastNormalView, opNumber }: Promised): boolean {
  const { vsr } = image
  if (vsr.viewNumber < viewNumber || vsr.lastNormalView < lastNormalView) return true
  return vsr.lastNormalView === lastNormalView && !vsr.cut && headOf(image) < opNumber
}
