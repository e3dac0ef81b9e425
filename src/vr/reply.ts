/** ⟨REPLY⟩ and its absence: what became of a request, told to the node that passed it on. VRR §4.1 */
import { fingerprint } from '../base/fingerprint.ts'
import type { Effect } from './effect.ts'
import type { Command } from './entry.ts'
import { hearLamport } from './lamport.ts'
import type { RefusalReason, Reply, ReplyAnswer } from './message.ts'
import type { Replica } from './state.ts'
import type { ReplicaNumber } from './terms.ts'

/** What became of a request, told to the node that passed it on. */
export function answer(
  replica: Replica,
  to: ReplicaNumber,
  command: Command,
  known: ReplyAnswer,
  effects: Effect[],
): void {
  const { clientId, requestNumber, operation } = command
  const about = { clientId, requestNumber, fingerprint: fingerprint(operation), answer: known }
  if (to === replica.replicaNumber) {
    effects.push({ type: 'answer', ...about })
    return
  }
  const message: Reply = { type: 'REPLY', viewNumber: replica.viewNumber, ...about }
  effects.push({ type: 'send', to, message })
}

export function refuse(
  replica: Replica,
  to: ReplicaNumber,
  command: Command,
  reason: RefusalReason,
  effects: Effect[],
): void {
  answer(replica, to, command, { type: 'refused', reason }, effects)
}

/** ⟨REPLY⟩: for our own node, which may not have executed what it tells of. */
export function onReply(replica: Replica, m: Reply, effects: Effect[]): void {
  const { clientId, requestNumber, fingerprint, answer } = m
  if (answer.type === 'executed') hearLamport(replica, answer.lamport)
  effects.push({ type: 'answer', clientId, requestNumber, fingerprint, answer })
}
