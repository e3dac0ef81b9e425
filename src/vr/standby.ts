/**
 * Standbys, ours (the paper has none): followers that are no replica of the configuration. A standby holds
 * nothing but what is committed, asks for it with GETSTATE, and gets it with NEWSTATE:
 *
 *   standby                               a replica, the primary where it is in reach
 *   GETSTATE n ─────────────────────────▶ kept until it has executed more than n, or a heartbeat is over
 *   chained, written, executed ◀───────── NEWSTATE: the committed entries behind n, or a checkpoint to fetch
 *
 * Who is far behind gets checkpoints as a replica does (§5.2). It promises nothing, so nothing of it counts:
 * of a standby a replica hears questions only, and what a standby hears makes it neither vote nor acknowledge.
 */
import { onAgreed } from './agreement.ts'
import { onCheckpointOffer } from './checkpoint.ts'
import { replicasOf } from './configuration.ts'
import type { Effect } from './effect.ts'
import { executeCommitted, learnCommit } from './execute.ts'
import { append, chains } from './log.ts'
import type { Commit, GetState, Message, NewState } from './message.ts'
import { dropReads } from './reads.ts'
import type { Replica } from './state.ts'
import { currentPrimary, isPrimary, isStandby, opOf, viewIsDurable, vsrOf, write } from './state.ts'
import { ask, giveState, tickTransfer } from './state-transfer.ts'
import type { OpNumber, ReplicaNumber, ViewNumber } from './terms.ts'

/** At a replica: what a standby has asked for. */
export interface Follower {
  readonly nonce: number
  readonly opNumber: OpNumber
  readonly askedMs: number
  /** It has its answer, and has not asked again yet. */
  isAnswered: boolean
}

/** Nothing was asked for so many heartbeats: it follows another, or is gone. */
const FORGOTTEN = 40

/** What a replica hears of a standby, and a standby of a replica. */
export function isOfStandby(replica: Replica, from: ReplicaNumber, { type }: Message): boolean {
  if (isStandby(replica)) return ANSWERS.has(type) && from < replica.configuration.replicaCount
  return from < replica.configuration.replicaCount || QUESTIONS.has(type)
}

const QUESTIONS: ReadonlySet<Message['type']> = new Set([
  ...(['REQUEST', 'READINDEX'] as const),
  ...(['GETSTATE', 'GETENTRIES', 'GETCHECKPOINT', 'GETTEXTS'] as const),
])
const ANSWERS: ReadonlySet<Message['type']> = new Set([
  ...(['REPLY', 'READINDEXOK', 'COMMIT'] as const),
  ...(['NEWSTATE', 'NEWENTRIES', 'NEWCHECKPOINT', 'NEWTEXTS'] as const),
])

// ── At a replica ───────────────────────────────────────────────────────────────────────────────

/** ⟨GETSTATE v, n, x⟩ of a standby: answered when there is more than n. */
export function onFollow(replica: Replica, from: ReplicaNumber, m: GetState): void {
  const { nonce, opNumber, viewNumber } = m
  if (viewNumber > replica.viewNumber) return
  const askedMs = replica.clockMs
  replica.followers.set(from, { nonce, opNumber, askedMs, isAnswered: false })
}

/** After every step: whoever waits for what is committed now has it, and after a heartbeat a sign of life. */
export function answerFollowers(replica: Replica, effects: Effect[]): void {
  const { followers, clockMs, options, commitNumber } = replica
  for (const [to, follower] of followers) {
    const { askedMs, opNumber, isAnswered } = follower
    const waited = clockMs - askedMs
    if (waited > FORGOTTEN * options.heartbeatMs) followers.delete(to)
    if (isAnswered || !isInTouch(replica)) continue
    // A sign of life is that there is nothing more, which one who fetches it himself cannot say (seed 7003770).
    const mayTell = waited >= options.heartbeatMs && replica.transfer === undefined
    if (commitNumber <= opNumber && !mayTell) continue
    follower.isAnswered = true
    giveState(replica, to, follower, commitNumber, effects)
  }
}

/** What we know is what the cluster has: nobody is to follow one who was left behind. */
function isInTouch(replica: Replica): boolean {
  if (replica.status !== 'normal' || !viewIsDurable(replica)) return false
  if (isPrimary(replica)) return !replica.primary.abdicating
  const { heardMs, patienceMs } = replica.backup
  return replica.clockMs - heardMs <= patienceMs
}

// ── At a standby ───────────────────────────────────────────────────────────────────────────────

/** At a start: its log is committed as far as it goes, and there is nothing that it could have promised. */
export function beginFollowing(replica: Replica, effects: Effect[]): void {
  replica.status = 'normal'
  replica.lastNormalView = replica.viewNumber
  replica.caughtUpMs = Number.NEGATIVE_INFINITY
  if (replica.durableVsr.recovering) write(replica, effects, { vsr: vsrOf(replica) })
  tellView(replica, effects)
}

export function tickStandby(replica: Replica, effects: Effect[]): void {
  if (replica.transfer) return tickTransfer(replica, effects)
  follow(replica, effects)
}

/** From whoever is primary, if it can be reached: it knows first what is committed. */
function follow(replica: Replica, effects: Effect[]): void {
  const { viewNumber, disconnected, configuration } = replica
  const primary = currentPrimary(replica)
  const others = replicasOf(configuration).filter(i => !disconnected.has(i))
  const from = disconnected.has(primary) ? (others[0] ?? primary) : primary
  const fetch = replica.transfer?.fetch
  replica.transfer = { from, viewNumber, nonce: 0, sentMs: 0, unanswered: 0, fetch }
  ask(replica, effects)
}

/** The one that is followed is gone, or the primary is there again. */
export function onReplicaSeen(replica: Replica, peer: ReplicaNumber, effects: Effect[]): void {
  if (replica.status !== 'normal') return
  const isLost = replica.transfer?.from === peer && replica.disconnected.has(peer)
  if (isLost || peer === currentPrimary(replica)) follow(replica, effects)
}

/** ⟨NEWSTATE v, l, n, k⟩: what is committed of it goes on where our log ends. */
export function onFollowed(replica: Replica, m: NewState, effects: Effect[]): void {
  if (replica.transfer?.nonce !== m.nonce) return
  learnView(replica, m.viewNumber, effects)
  learnCommit(replica, m.commitNumber)
  if (m.checkpoint && m.checkpoint.opNumber > replica.commitNumber) {
    return onCheckpointOffer(replica, m.checkpoint, effects)
  }
  const head = opOf(replica)
  const fresh = m.entries.filter(e => e.opNumber > head && e.opNumber <= m.commitNumber)
  const first = fresh[0]
  // Not the log that ours is a part of: asking on at once would go on for ever, as fast as the network can.
  if (first && !chains(replica.log, first)) return
  if (first) {
    for (const entry of fresh) append(replica.log, entry)
    write(replica, effects, { append: fresh })
  }
  executeCommitted(replica, effects)
  noteCaughtUp(replica)
  ask(replica, effects)
}

/** ⟨COMMIT v, k⟩ of the primary that we follow: how far it is, and which state a quorum had. */
export function onPrimaryCommit(
  replica: Replica,
  from: ReplicaNumber,
  m: Commit,
  effects: Effect[],
): void {
  learnView(replica, m.viewNumber, effects)
  if (from !== currentPrimary(replica) || m.viewNumber < replica.viewNumber) return
  learnCommit(replica, m.commitNumber)
  noteCaughtUp(replica)
  onAgreed(replica, m.agreed, effects)
}

function noteCaughtUp(replica: Replica): void {
  if (replica.commitNumber === replica.knownCommit) replica.caughtUpMs = replica.clockMs
}

/** The view that the others are in: whom to follow and to ask. It is no promise. */
function learnView(replica: Replica, v: ViewNumber, effects: Effect[]): void {
  if (v <= replica.viewNumber) return
  replica.viewNumber = v
  replica.lastNormalView = v
  write(replica, effects, { vsr: vsrOf(replica) })
  dropReads(replica)
  const { transfer } = replica
  const primary = currentPrimary(replica)
  if (transfer && !replica.disconnected.has(primary)) transfer.from = primary
  tellView(replica, effects)
}

function tellView(replica: Replica, effects: Effect[]): void {
  const { viewNumber } = replica
  const primary = currentPrimary(replica)
  effects.push({ type: 'event', event: { type: 'view-started', viewNumber, primary } })
}
