/**
 * Recovery, VRR §4.3, for a replica that has lost what it promised: its disk was wiped or damaged, and its
 * host has set the rest aside. The paper's protocol trusts the answer of a primary that may have been
 * deposed with a vote that the lost replica gave and cannot remember (protocol defects, docs/divergence.md 2).
 * Ours leaves all promises of the old incarnation behind (the argument is in docs/storage.md):
 *
 *   RECOVERY → RECOVERYRESPONSE with their views, from a quorum of others → our view is two above the
 *   highest of them, durable → RECOVERY again, which takes the others there → the log of that view, or of a
 *   later one, by state transfer → normal
 *
 * Until then we vote for nothing and acknowledge nothing, restarts included.
 */
import { primaryOf, quorumOf } from './configuration.ts'
import type { Effect } from './effect.ts'
import type { Message, Recovery, RecoveryResponse, Send } from './message.ts'
import { isOfRepair } from './repair.ts'
import type { Replica } from './state.ts'
import { broadcast, vsrOf, write } from './state.ts'
import { startTransfer } from './state-transfer.ts'
import type { ReplicaNumber, ViewNumber } from './terms.ts'
import { viewNumber } from './terms.ts'
import { enterView, sendsToOthers } from './view-change.ts'

/** What a recovering replica knows of the others. */
export interface RecoveryState {
  readonly nonce: number
  readonly views: Map<ReplicaNumber, ViewNumber>
  /** The least view whose log may be ours; undefined until a quorum of others has answered. */
  leastView: ViewNumber | undefined
  sentMs: number
}

export function beginRecovery(replica: Replica): void {
  replica.status = 'recovering'
  const nonce = replica.nextNonce++
  const sentMs = Number.NEGATIVE_INFINITY
  replica.recovery = { nonce, views: new Map(), leastView: undefined, sentMs }
}

/**
 * Before it knows its least view, and has that on disk, a recovering replica hears answers only; a repairing
 * one what is about repair.
 */
export function mayHear(replica: Replica, m: Message): boolean {
  if (replica.repair) return isOfRepair(m)
  return replica.status !== 'recovering' || m.type === 'RECOVERYRESPONSE' || hasView(replica)
}

/** That we take part in no view before it is on disk. */
function hasView({ recovery, durableVsr }: Replica): boolean {
  return recovery?.leastView !== undefined && durableVsr.viewNumber >= recovery.leastView
}

export function tickRecovery(replica: Replica, effects: Effect[]): void {
  const { recovery, clockMs, options, transfer } = replica
  if (recovery === undefined || transfer !== undefined) return
  if (clockMs - recovery.sentMs < options.resendMs) return
  if (recovery.leastView !== undefined && !hasView(replica)) return
  recovery.sentMs = clockMs
  broadcast(replica, question(replica, recovery), effects)
}

/** ⟨RECOVERY v, x, i⟩ */
function question(replica: Replica, { nonce, leastView }: RecoveryState): Recovery {
  return {
    type: 'RECOVERY',
    viewNumber: leastView === undefined ? viewNumber(0) : replica.viewNumber,
    nonce,
  }
}

/** Answered in any status but this one: it is no promise, and the view is at least the one we are durably in. */
export function onRecovery(
  replica: Replica,
  from: ReplicaNumber,
  m: Recovery,
  effects: Effect[],
): void {
  if (replica.status === 'recovering') return
  if (m.viewNumber > replica.viewNumber) {
    enterView(replica, m.viewNumber, `replica ${from} recovers`, effects)
  }
  const { viewNumber } = replica
  const message: RecoveryResponse = { type: 'RECOVERYRESPONSE', viewNumber, nonce: m.nonce }
  effects.push({ type: 'send', to: from, message })
}

/** ⟨RECOVERYRESPONSE v, x, j⟩ */
export function onRecoveryResponse(
  replica: Replica,
  from: ReplicaNumber,
  m: RecoveryResponse,
  effects: Effect[],
): void {
  const { recovery } = replica
  if (recovery === undefined || m.nonce !== recovery.nonce) return
  recovery.views.set(from, m.viewNumber)
  if (recovery.leastView === undefined) return chooseView(replica, recovery, effects)
  const isThere = m.viewNumber >= replica.viewNumber
  if (isThere && hasView(replica)) startTransfer(replica, from, m.viewNumber, effects)
}

/**
 * Whoever entered a view did so by votes of a quorum in the view before, which had that on disk; of these
 * one at least has answered. So our old incarnation promised nothing above the highest answer plus one.
 */
function chooseView(replica: Replica, recovery: RecoveryState, effects: Effect[]): void {
  const { views } = recovery
  if (views.size < quorumOf(replica.configuration)) return
  let w = viewNumber(Math.max(replica.viewNumber, ...views.values()) + 2)
  if (primaryOf(replica.configuration, w) === replica.replicaNumber) w = viewNumber(w + 1)
  recovery.leastView = w
  replica.viewNumber = w
  recovery.sentMs = replica.clockMs
  const then: Send[] = sendsToOthers(replica, question(replica, recovery))
  write(replica, effects, { vsr: vsrOf(replica), then })
}
