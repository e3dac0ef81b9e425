/**
 * Founding a cluster: N nodes agree, unanimously, on one list of members. Pure and deterministic.
 *
 *  1. Every node tells every other its terms, itself, the list it *proposes* (when it sees exactly N
 *     founders) and the list it has *promised*.
 *  2. A node whose proposal all N members share promises it: on disk first, then aloud. It promises
 *     one list in its life. Who hears a promise that names it adopts that list.
 *  3. Who knows that all N members have promised the list considers the cluster founded.
 *
 * Safety: two lists with a common member are never both founded, because that member promised at
 * most one of them. With fewer than 2N candidates any two lists have a common member. Liveness: a
 * promise is only made for what all had proposed, so when one node has promised, all others may.
 */
import type { PeerAddresses } from './address-book.ts'
import { disagreement } from './founding-disagreement.ts'
import {
  byPeerId,
  type Founded,
  type Founder,
  type FoundingMessage,
  type FoundingState,
  type FoundingTerms,
  foundingIdOf,
  type MemberList,
} from './founding-message.ts'

/** Kept on disk from before the first message to the founding: who we are, and what we promised. */
export interface FoundingDoc {
  readonly version: 1
  readonly terms: FoundingTerms
  readonly self: Founder
  readonly promised?: MemberList | undefined
}

export type FoundingInput =
  | { readonly type: 'heard'; readonly from: string; readonly message: FoundingMessage }
  /** A connection to the peer is there. */
  | { readonly type: 'joined'; readonly peer: string }
  /** The last connection to the peer is gone. */
  | { readonly type: 'left'; readonly peer: string }
  /** The document of the last `persist` is on disk. */
  | { readonly type: 'persisted' }
  /** Every TICK_MS. */
  | { readonly type: 'tick' }

export type StopReason = 'disagreement' | 'wiped' | 'not-a-member'

export type FoundingEffect =
  | { readonly type: 'send'; readonly to: string; readonly message: FoundingMessage }
  | { readonly type: 'broadcast'; readonly message: FoundingMessage }
  /** Make it durable, then answer `persisted`. */
  | { readonly type: 'persist'; readonly doc: FoundingDoc }
  /** Try to connect to these. */
  | { readonly type: 'meet'; readonly peers: readonly PeerAddresses[] }
  | { readonly type: 'founded'; readonly list: MemberList; readonly foundingId: string }
  | { readonly type: 'stop'; readonly reason: StopReason; readonly sentence: string }

interface Seen {
  state: FoundingState
  here: boolean
}

export interface FoundingCore {
  readonly terms: FoundingTerms
  readonly self: Founder
  readonly seen: Map<string, Seen>
  /** Who has promised our list; never shrinks. */
  readonly promises: Set<string>
  promised: MemberList | undefined
  /** Of `promised`. */
  promisedId: string | undefined
  /** `promised` is on disk; before that nobody may hear of it. */
  durable: boolean
  proposal: string | undefined
  surplusTicks: number
  phase: 'gathering' | 'promised' | 'founded' | 'stopped'
}

export const TICK_MS = 250
/** Too many founders are no trouble while a promise may be on its way that settles who is in. */
const SURPLUS_TICKS = 8
/** Anybody may talk to a founder; only so many are remembered. */
const SEEN_MAX = 64

/** `doc` is durable before any input; after a restart it is the one that was kept. */
export function createFounding(doc: FoundingDoc): FoundingCore {
  return {
    terms: doc.terms,
    self: doc.self,
    seen: new Map(),
    promises: new Set(),
    promised: doc.promised,
    promisedId: doc.promised && foundingIdOf(doc.promised),
    durable: doc.promised !== undefined,
    proposal: doc.promised && foundingIdOf(doc.promised),
    surplusTicks: 0,
    phase: doc.promised === undefined ? 'gathering' : 'promised',
  }
}

export function stepFounding(core: FoundingCore, input: FoundingInput): FoundingEffect[] {
  const effects: FoundingEffect[] = []
  if (core.phase === 'stopped') return effects
  switch (input.type) {
    case 'heard':
      if (core.phase === 'founded') answerFounded(core, input.from, effects)
      else if (input.message.type === 'FOUNDED') onFounded(core, input.from, input.message, effects)
      else onState(core, input.from, input.message, effects)
      break
    case 'joined':
      // Not only with the next tick: a cluster of nodes that start together is founded in a few trips.
      if (core.phase === 'founded') answerFounded(core, input.peer, effects)
      else effects.push({ type: 'send', to: input.peer, message: stateOf(core) })
      break
    case 'left':
      onLeft(core, input.peer, effects)
      break
    case 'persisted':
      core.durable = true
      say(core, effects)
      maybeFounded(core, effects)
      break
    case 'tick':
      onTick(core, effects)
      break
  }
  return effects
}

function onState(
  core: FoundingCore,
  from: string,
  state: FoundingState,
  effects: FoundingEffect[],
) {
  if (state.self.peerId !== from || core.terms.members?.includes(from) === false) return
  if (core.seen.size >= SEEN_MAX && !core.seen.has(from)) return
  const listed = core.promised?.founders.some(founder => founder.peerId === from)
  // The list is settled: who is not on it will hear so when the cluster is founded.
  if (core.promised !== undefined && listed !== true) return
  const first = core.seen.get(from)?.here !== true
  const trouble = disagreement(core, state)
  if (trouble !== undefined) {
    // The other must hear our terms too, so that both stop.
    effects.push({ type: 'send', to: from, message: stateOf(core) })
    return stop(core, 'disagreement', trouble, effects)
  }
  core.seen.set(from, { state, here: true })
  if (first) {
    effects.push({ type: 'send', to: from, message: stateOf(core) })
    effects.push({ type: 'meet', peers: [{ peerId: from, addresses: state.self.addresses }] })
  }
  if (state.peers.length > 0) effects.push({ type: 'meet', peers: state.peers })
  if (state.promised !== undefined) onPromise(core, from, state.promised, effects)
  maybePropose(core, effects)
  maybeFounded(core, effects)
}

/** `disagreement` has made sure that the list names both of us and fits the terms and our promise. */
function onPromise(
  core: FoundingCore,
  from: string,
  list: MemberList,
  effects: FoundingEffect[],
): void {
  if (core.promised === undefined) promise(core, list, effects)
  if (core.promisedId === foundingIdOf(list)) core.promises.add(from)
}

function onLeft(core: FoundingCore, peer: string, effects: FoundingEffect[]): void {
  const seen = core.seen.get(peer)
  if (seen !== undefined) seen.here = false
  maybePropose(core, effects)
}

function onTick(core: FoundingCore, effects: FoundingEffect[]): void {
  if (core.phase === 'founded') return
  maybePropose(core, effects)
  // After a restart, the promise from the disk may be all that a founder alone was waiting for.
  maybeFounded(core, effects)
  say(core, effects)
  if (core.phase !== 'gathering') return
  const founders = foundersHere(core)
  core.surplusTicks = founders.length > core.terms.expect ? core.surplusTicks + 1 : 0
  if (core.surplusTicks < SURPLUS_TICKS) return
  const names = founders.map(founder => founder.name).join(', ')
  stop(
    core,
    'disagreement',
    `${founders.length} founders want to found a cluster of ${core.terms.expect} (${names}): stop the surplus ones and start the others again, or give all of them --bootstrap-expect ${founders.length}`,
    effects,
  )
}

/** Proposes what it sees, and promises it when all others propose the same. */
function maybePropose(core: FoundingCore, effects: FoundingEffect[]): void {
  if (core.phase !== 'gathering') return
  const founders = foundersHere(core)
  const { clusterId, shards, expect } = core.terms
  const list = founders.length === expect ? { clusterId, shards, founders } : undefined
  const proposal = list && foundingIdOf(list)
  if (proposal !== core.proposal) {
    core.proposal = proposal
    say(core, effects)
  }
  if (list === undefined) return
  const others = [...core.seen.values()].filter(seen => seen.here)
  if (others.every(seen => seen.state.proposal === proposal)) promise(core, list, effects)
}

function foundersHere(core: FoundingCore): Founder[] {
  const others = [...core.seen.values()].filter(seen => seen.here)
  return [core.self, ...others.map(seen => seen.state.self)].sort(byPeerId)
}

function promise(core: FoundingCore, list: MemberList, effects: FoundingEffect[]): void {
  core.promised = list
  core.promisedId = foundingIdOf(list)
  core.proposal = core.promisedId
  core.phase = 'promised'
  const { terms, self } = core
  effects.push({ type: 'persist', doc: { version: 1, terms, self, promised: list } })
}

function maybeFounded(core: FoundingCore, effects: FoundingEffect[]): void {
  const { promised, promisedId } = core
  if (core.phase !== 'promised' || !core.durable) return
  if (promised === undefined || promisedId === undefined) return
  const others = promised.founders.filter(founder => founder.peerId !== core.self.peerId)
  if (!others.every(founder => core.promises.has(founder.peerId))) return
  found(core, promised, effects)
}

function found(core: FoundingCore, list: MemberList, effects: FoundingEffect[]): void {
  core.phase = 'founded'
  effects.push({ type: 'broadcast', message: foundedMessage(core, list) })
  effects.push({ type: 'founded', list, foundingId: foundingIdOf(list) })
}

function onFounded(core: FoundingCore, from: string, message: Founded, effects: FoundingEffect[]) {
  const { promised, promisedId, self } = core
  // A cluster is founded when all its members promised it, so ours is complete.
  if (promised !== undefined && core.durable && promisedId === message.foundingId) {
    return found(core, promised, effects)
  }
  if (promised !== undefined && !promised.founders.some(({ peerId }) => peerId === from)) return
  const teller = message.members.find(member => member.peerId === from)
  const me = message.members.find(member => member.peerId === self.peerId)
  const names = message.members.map(member => member.name).join(', ')
  if (me === undefined) {
    const sentence = `cluster "${message.clusterId}" (${names}) exists already, and ${self.name} (${self.peerId}) is not a member of it: start it with the data directory that it was founded with, or found another cluster with other --peer addresses (members cannot be added in this version)`
    return stop(core, 'not-a-member', sentence, effects)
  }
  const known = message.yourIncarnation
  const detail = known === undefined ? '' : `, incarnation ${known}`
  stop(
    core,
    'wiped',
    `${teller?.name ?? from} knows ${self.name} as a member of the founded cluster "${message.clusterId}"${detail}, but the data directory here is empty: it looks wiped, and a lost disk is another replica; restore the directory, or run "viewstamp recover"`,
    effects,
  )
}

function stop(
  core: FoundingCore,
  reason: StopReason,
  sentence: string,
  effects: FoundingEffect[],
): void {
  core.phase = 'stopped'
  effects.push({ type: 'stop', reason, sentence })
}

function say(core: FoundingCore, effects: FoundingEffect[]): void {
  if (core.phase === 'founded') return
  effects.push({ type: 'broadcast', message: stateOf(core) })
}

function answerFounded(core: FoundingCore, to: string, effects: FoundingEffect[]): void {
  if (core.promised === undefined) return
  effects.push({ type: 'send', to, message: foundedMessage(core, core.promised, to) })
}

function foundedMessage(core: FoundingCore, list: MemberList, to?: string): Founded {
  const asker = list.founders.find(founder => founder.peerId === to)
  return {
    type: 'FOUNDED',
    clusterId: list.clusterId,
    foundingId: core.promisedId ?? foundingIdOf(list),
    members: list.founders.map(({ name, peerId }) => ({ name, peerId })),
    ...(asker && { yourIncarnation: asker.incarnation }),
  }
}

function stateOf(core: FoundingCore): FoundingState {
  const here = [...core.seen.values()].filter(seen => seen.here)
  return {
    type: 'FOUNDING',
    terms: core.terms,
    self: core.self,
    proposal: core.proposal,
    // Nobody hears of a promise that a crash could make us forget.
    promised: core.durable ? core.promised : undefined,
    peers: here.map(({ state }) => ({
      peerId: state.self.peerId,
      addresses: state.self.addresses,
    })),
  }
}
