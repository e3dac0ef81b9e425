/**
 * State transfer, VRR §5.2, without its two defects: nothing is cut from the log before its
 * replacement is in hand, and the view changes only together with the view's whole log
 * (docs/divergence.md 1; the trace that loses an acknowledged op in the paper's form is in test/traces).
 *
 * What is committed is final whoever tells us: committed entries may be taken over at any time, in any
 * status, without touching the view. The uncommitted rest is taken over only with the view it belongs to.
 */
import { assert, present } from '../base/assert.ts'
import { onCheckpointOffer } from './checkpoint.ts'
import { primaryOf, replicasOf } from './configuration.ts'
import type { Effect } from './effect.ts'
import type { Entry } from './entry.ts'
import { executeCommitted, learnCommit } from './execute.ts'
import { append, chains, checksumAt, headOf, suffixFrom, truncateFrom } from './log.ts'
import type { GetState, Message, NewState } from './message.ts'
import { prepareOk } from './prepare.ts'
import { onEntriesLoaded, onReadOn } from './repair.ts'
import { onFollow } from './standby.ts'
import type { Replica } from './state.ts'
import { cutFrom, isClogged, nextJitter, opOf, viewIsDurable, write } from './state.ts'
import type { OpNumber, ReplicaNumber, ViewNumber } from './terms.ts'
import { opNumber } from './terms.ts'
import { textsToAsk } from './texts.ts'
import { connects, enterView, installView } from './view-change.ts'

/** We lack something that `from`, normal in `view`, has: ask, one question at a time. */
export function startTransfer(
  replica: Replica,
  from: ReplicaNumber,
  view: ViewNumber,
  effects: Effect[],
): void {
  const { transfer } = replica
  if (transfer && (view <= transfer.viewNumber || transfer.fetch)) {
    // The timer repeats the question; beginning anew with every sign of life would never come to an end.
    // A checkpoint that we are fetching is good in every view.
    if (view > transfer.viewNumber) transfer.viewNumber = view
    return
  }
  if (transfer === undefined) {
    effects.push({ type: 'event', event: { type: 'sync-started', opNumber: opOf(replica) } })
  }
  const fetch = undefined
  replica.transfer = { from, viewNumber: view, nonce: 0, sentMs: 0, unanswered: 0, fetch }
  ask(replica, effects)
}

/** The next question of the transfer under way. */
export function ask(replica: Replica, effects: Effect[]): void {
  const transfer = present(replica.transfer, 'a transfer is under way')
  transfer.nonce = replica.nextNonce++
  transfer.unanswered = 0
  sendQuestion(replica, effects)
}

/**
 * The same question again, with the nonce that it has: an answer that takes longer than our patience
 * counts when it comes, whoever of those asked gives it.
 */
function sendQuestion(replica: Replica, effects: Effect[]): void {
  const transfer = present(replica.transfer, 'a transfer is under way')
  transfer.sentMs = replica.clockMs
  // Our disk is behind: what came now would only pile up in memory.
  if (isClogged(replica) || transfer.fetch?.storing !== undefined) return
  const { nonce, fetch } = transfer
  let message: Message
  if (fetch?.lacking) {
    const ids = textsToAsk(replica, fetch.lacking)
    message = { type: 'GETTEXTS', nonce, opNumber: fetch.id.opNumber, ids }
  } else if (fetch) {
    const after = fetch.records[fetch.records.length - 1]?.id
    message = { type: 'GETCHECKPOINT', nonce, opNumber: fetch.id.opNumber, after }
  } else {
    // In its view our log is a part of its log; from another view only the committed part is.
    const same = replica.status === 'normal' && replica.viewNumber === transfer.viewNumber
    const n = same ? opOf(replica) : replica.commitNumber
    message = { type: 'GETSTATE', viewNumber: transfer.viewNumber, opNumber: n, nonce }
  }
  effects.push({ type: 'send', to: transfer.from, message })
}

/**
 * No answer in time: ask again, with more patience each time, and after a few times somebody else who may
 * know (anybody normal in that view, or in a later one; a checkpoint is the same everywhere).
 */
export function tickTransfer(replica: Replica, effects: Effect[]): void {
  const { transfer, options, clockMs } = replica
  // The disk is at work, which no repeating of a question makes faster.
  if (transfer === undefined || transfer.fetch?.storing !== undefined) return
  const patience = Math.min(2 ** transfer.unanswered, transfer.fetch ? 32 : 4) * options.resendMs
  if (clockMs - transfer.sentMs < patience) return
  transfer.unanswered++
  if (transfer.unanswered > UNANSWERED_MAX) {
    // Whoever is primary will be heard, and the transfer begins anew.
    replica.transfer = undefined
    return
  }
  const isTried = transfer.unanswered % (transfer.fetch ? 6 : 3) === 0
  if (isTried || replica.disconnected.has(transfer.from)) askAnother(replica)
  sendQuestion(replica, effects)
}

const UNANSWERED_MAX = 12

function askAnother(replica: Replica): void {
  const transfer = present(replica.transfer, 'a transfer is under way')
  const others = replicasOf(replica.configuration).filter(
    i => i !== replica.replicaNumber && i !== transfer.from && !replica.disconnected.has(i),
  )
  const next = others[Math.floor(nextJitter(replica) * others.length)]
  if (next !== undefined) transfer.from = next
}

/** ⟨GETSTATE v, n', i⟩: answered only when normal, in v or later. */
export function onGetState(
  replica: Replica,
  from: ReplicaNumber,
  m: GetState,
  effects: Effect[],
): void {
  if (from >= replica.configuration.replicaCount) return onFollow(replica, from, m)
  if (replica.status !== 'normal' || replica.viewNumber < m.viewNumber) return
  if (!viewIsDurable(replica)) return
  if (m.opNumber > opOf(replica)) return
  giveState(replica, from, m, opOf(replica), effects)
}

/** What follows n', up to `last`: from memory, from disk, or the checkpoint that stands for it. */
export function giveState(
  replica: Replica,
  to: ReplicaNumber,
  { opNumber: n, nonce }: Pick<GetState, 'opNumber' | 'nonce'>,
  last: OpNumber,
  effects: Effect[],
): void {
  const { base } = replica.log
  if (n >= base.opNumber) {
    const behind = n < last ? suffixFrom(replica.log, n + 1).slice(0, last - n) : []
    effects.push(newState(replica, to, nonce, cap(replica, behind)))
  } else if (n + 1 >= replica.firstOp) {
    const token = replica.nextToken++
    if (replica.loads.size >= LOADS_MAX) return
    replica.loads.set(token, { to, nonce })
    const bytesMax = replica.options.transferBytesMax
    effects.push({ type: 'load', token, first: opNumber(n + 1), last: base.opNumber, bytesMax })
  } else {
    effects.push(newState(replica, to, nonce, [], offer(replica)))
  }
}

/** Questions waiting for the disk; more are dropped and asked again. */
const LOADS_MAX = 16

/** The newest durable checkpoint is what one who is too far behind gets first. */
function offer(replica: Replica): NewState['checkpoint'] {
  return replica.kept[replica.kept.length - 1]?.id
}

function newState(
  replica: Replica,
  to: ReplicaNumber,
  nonce: number,
  entries: readonly Entry[],
  checkpoint?: NewState['checkpoint'],
): Effect {
  const { viewNumber, commitNumber } = replica
  const n = opOf(replica)
  const message: NewState = {
    type: 'NEWSTATE',
    viewNumber,
    nonce,
    entries,
    opNumber: n,
    commitNumber,
    checkpoint,
  }
  return { type: 'send', to, message }
}

/** Cuts a long answer within its committed part; the uncommitted rest is whole or absent. */
function cap(replica: Replica, entries: readonly Entry[]): readonly Entry[] {
  let bytes = 0
  for (const [i, entry] of entries.entries()) {
    bytes += entry.bytes.length
    const over = i > 0 && bytes > replica.options.transferBytesMax
    if (over && entry.opNumber <= replica.commitNumber) return entries.slice(0, i)
  }
  return entries
}

/** Entries came from disk; they are far below the head, hence committed. */
export function onLoaded(
  replica: Replica,
  token: number,
  entries: readonly Entry[],
  effects: Effect[],
): void {
  if (replica.repair?.underWay === token) return onReadOn(replica, entries, effects)
  const asker = replica.loads.get(token)
  replica.loads.delete(token)
  if (asker?.last !== undefined) {
    return onEntriesLoaded(replica, { ...asker, last: asker.last }, entries, effects)
  }
  if (asker === undefined || replica.status !== 'normal' || entries.length === 0) return
  effects.push(newState(replica, asker.to, asker.nonce, entries))
}

/** ⟨NEWSTATE v, l, n, k⟩ */
export function onNewState(replica: Replica, m: NewState, effects: Effect[]): void {
  const { transfer } = replica
  if (transfer === undefined || transfer.nonce !== m.nonce) return
  if (m.viewNumber < replica.viewNumber) return
  if (m.checkpoint) {
    leaveForView(replica, m.viewNumber, effects)
    onCheckpointOffer(replica, m.checkpoint, effects)
  } else if (m.viewNumber === replica.viewNumber && replica.status === 'normal') {
    followView(replica, m, effects)
  } else {
    joinView(replica, m, effects)
  }
}

/** Same view: what follows our head, as PREPAREs would have brought it. */
function followView(replica: Replica, m: NewState, effects: Effect[]): void {
  const { log } = replica
  const fresh = m.entries.filter(entry => entry.opNumber > headOf(log))
  const first = fresh[0]
  if (first && chains(log, first)) {
    for (const entry of fresh) append(log, entry)
    write(replica, effects, { append: fresh, then: [prepareOk(replica, headOf(log))] })
  }
  learnCommit(replica, m.commitNumber)
  executeCommitted(replica, effects)
  if (opOf(replica) < m.opNumber && fresh.length > 0) return ask(replica, effects)
  finish(replica, effects)
}

/** Another view (or ours, which started without us): join it with all of its log, or first get nearer. */
function joinView(replica: Replica, m: NewState, effects: Effect[]): void {
  const last = m.entries[m.entries.length - 1]
  const reached = last?.opNumber ?? replica.commitNumber
  if (reached < replica.commitNumber || m.opNumber < replica.commitNumber) return
  if (reached === m.opNumber) {
    const parent = m.entries[0]?.parent ?? checksumAt(replica.log, replica.commitNumber)
    const suffix = {
      parent: present(parent, 'the last executed entry is in memory'),
      opNumber: m.opNumber,
      suffix: m.entries,
    }
    if (!connects(replica, suffix)) return
    assert(
      primaryOf(replica.configuration, m.viewNumber) !== replica.replicaNumber,
      'no view of ours starts without us',
    )
    installView(replica, m.viewNumber, m.commitNumber, suffix, effects)
    return
  }
  leaveForView(replica, m.viewNumber, effects)
  const committed = m.entries.filter(entry => entry.opNumber <= m.commitNumber)
  if (adoptCommitted(replica, committed, effects)) ask(replica, effects)
}

/**
 * A later view has started without us: what it committed may only be taken over outside of ours. A
 * primary that went on with its own view above such entries would prepare two at one viewstamp, and its
 * commit-number would speak for entries that its backups do not have (simulator seeds 41, 412).
 */
function leaveForView(replica: Replica, w: ViewNumber, effects: Effect[]): void {
  if (w <= replica.viewNumber) return
  const { transfer } = replica
  enterView(replica, w, 'it has started without us', effects)
  replica.transfer = transfer
}

/**
 * Takes over committed entries, in any status and view. Ours that contradict them were never committed
 * and never will be: a later view began without them, so no quorum can choose our log again.
 */
function adoptCommitted(replica: Replica, entries: readonly Entry[], effects: Effect[]): boolean {
  const { log } = replica
  const fresh = entries.filter(entry => entry.opNumber > replica.commitNumber)
  const first = fresh[0]
  if (first === undefined || first.opNumber !== replica.commitNumber + 1) return false
  if (first.parent !== checksumAt(log, replica.commitNumber)) return false
  const other = fresh.findIndex(entry => checksumAt(log, entry.opNumber) !== entry.checksum)
  if (other >= 0) {
    const added = fresh.slice(other)
    const from = opNumber(replica.commitNumber + 1 + other)
    const cut = headOf(log) >= from ? cutFrom(replica, from) : {}
    if (headOf(log) >= from) truncateFrom(log, from)
    for (const entry of added) append(log, entry)
    write(replica, effects, { ...cut, append: added })
  }
  learnCommit(replica, present(fresh[fresh.length - 1], 'not empty').opNumber)
  executeCommitted(replica, effects)
  return true
}

export function finish(replica: Replica, effects: Effect[]): void {
  replica.transfer = undefined
  effects.push({ type: 'event', event: { type: 'sync-finished', opNumber: opOf(replica) } })
}
