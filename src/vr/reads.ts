/**
 * Linearizable reads without a log entry (read-index; instead of the leases of VRR §6.3, which trust
 * clocks). The primary notes its commit-number, then asks «am I still primary?»: a quorum that answers
 * a COMMIT sent *after* the read came in, in this view, means that no later view had started by then.
 * Any replica serves the read once it has executed that op.
 */
import { quorumOf } from './configuration.ts'
import type { Effect } from './effect.ts'
import type { Message, ReadIndex, ReadIndexOk } from './message.ts'
import { broadcastCommit } from './normal.ts'
import type { Replica } from './state.ts'
import { currentPrimary, isPrimary } from './state.ts'
import type { OpNumber, ReplicaNumber } from './terms.ts'
import { opNumber } from './terms.ts'

/** Our node has linearizable reads up to this number. */
export function onRead(replica: Replica, readNumber: number, effects: Effect[]): void {
  replica.reads.wanted = Math.max(replica.reads.wanted, readNumber)
  askForIndex(replica, effects)
}

/** Asks the primary (it may be us), one question at a time; later reads wait for the next. */
export function askForIndex(replica: Replica, effects: Effect[]): void {
  const { reads } = replica
  if (replica.status !== 'normal' || reads.wanted <= reads.answered) return
  if (reads.asked > reads.answered) return
  reads.asked = reads.wanted
  reads.askedMs = replica.clockMs
  if (isPrimary(replica)) {
    queueRead(replica, replica.replicaNumber, reads.asked, effects)
  } else {
    effects.push({ type: 'send', to: currentPrimary(replica), message: question(replica) })
  }
}

/**
 * The question or its answer was lost, or is slow: the *same* question again, so that the answer counts
 * whenever it comes, though later reads wait by now. A probe under way is repeated by the heartbeat.
 */
export function askAgain(replica: Replica, effects: Effect[]): void {
  const { reads } = replica
  if (reads.asked <= reads.answered) return askForIndex(replica, effects)
  reads.askedMs = replica.clockMs
  if (replica.status !== 'normal' || isPrimary(replica)) return
  effects.push({ type: 'send', to: currentPrimary(replica), message: question(replica) })
}

const question = ({ reads }: Replica): Message => ({
  type: 'READINDEX',
  readNumber: reads.first + reads.asked,
})

export function onReadIndex(
  replica: Replica,
  from: ReplicaNumber,
  m: ReadIndex,
  effects: Effect[],
): void {
  if (isPrimary(replica)) queueRead(replica, from, m.readNumber, effects)
}

/** One pending read a replica is enough: a later one of the same replica covers the earlier. */
function queueRead(
  replica: Replica,
  from: ReplicaNumber,
  readNumber: number,
  effects: Effect[],
): void {
  const { reads } = replica
  if (reads.pending.some(read => read.from === from && read.readNumber === readNumber)) return
  // What was committed in earlier views is among the log that the view started with. §4.2 step 4
  const index = opNumber(Math.max(replica.knownCommit, replica.primary.viewStartOp))
  const answered = reads.pending.length === 0
  reads.pending = reads.pending.filter(read => read.from !== from || read.probe <= reads.probe)
  reads.pending.push({ from, readNumber, probe: reads.probe + 1, opNumber: index })
  if (answered) probe(replica, effects)
}

/** Asks all: the number is new, so an answer to an earlier COMMIT does not count. */
function probe(replica: Replica, effects: Effect[]): void {
  replica.reads.probe++
  broadcastCommit(replica, effects)
  maybeAnswerReads(replica, effects)
}

/** Answers the reads whose probe a quorum has confirmed. */
export function maybeAnswerReads(replica: Replica, effects: Effect[]): void {
  const { reads } = replica
  if (reads.pending.length === 0 || !isPrimary(replica)) return
  const confirmed = confirmedProbe(replica)
  const ready = reads.pending.filter(read => read.probe <= confirmed)
  if (ready.length === 0) return
  reads.pending = reads.pending.filter(read => read.probe > confirmed)
  for (const { from, readNumber, opNumber } of ready) {
    if (from === replica.replicaNumber) {
      answerOwn(replica, readNumber, opNumber, effects)
    } else {
      const { viewNumber } = replica
      const message: ReadIndexOk = { type: 'READINDEXOK', viewNumber, readNumber, opNumber }
      effects.push({ type: 'send', to: from, message })
    }
  }
  if (reads.pending.some(read => read.probe > reads.probe)) probe(replica, effects)
}

/** The highest probe that a quorum (we are one of it) has answered. */
function confirmedProbe(replica: Replica): number {
  const { reads } = replica
  const others = quorumOf(replica.configuration) - 1
  if (others === 0) return reads.probe
  const seen = [...reads.ackedProbe.values()].sort((a, b) => b - a)
  return seen[others - 1] ?? 0
}

/**
 * Only the answer to the question under way counts: one that was asked before a restart, when other reads
 * had these numbers, comes from too far back (simulator seed 18).
 */
export function onReadIndexOk(replica: Replica, m: ReadIndexOk, effects: Effect[]): void {
  const { reads } = replica
  const readNumber = m.readNumber - reads.first
  if (readNumber === reads.asked) answerOwn(replica, readNumber, m.opNumber, effects)
}

function answerOwn(
  replica: Replica,
  readNumber: number,
  opNumber: OpNumber,
  effects: Effect[],
): void {
  const { reads } = replica
  if (readNumber <= reads.answered) return
  reads.answered = readNumber
  effects.push({ type: 'read-ready', readNumber, opNumber })
  askForIndex(replica, effects)
}

/** The view ends: what waits at its primary is asked again at the next one. */
export function dropReads(replica: Replica): void {
  const { reads } = replica
  reads.pending = []
  reads.asked = reads.answered
  reads.ackedProbe.clear()
}
