/**
 * The properties of src/sim/check, asked of one step from one state to the next. A property that remembers
 * a run is asked with a fresh memory, of the state before and of the state after; what cannot be asked so is
 * asked of what the states hold: the committed ops, and all messages that were ever sent.
 */
import type { Message } from '../../vr/message.ts'
import { opNumber } from '../../vr/terms.ts'
import { acknowledgedNotLost } from '../check/acknowledged-not-lost.ts'
import { chain } from '../check/chain.ts'
import { Violation } from '../check/check.ts'
import { durableOnQuorum } from '../check/durable-on-quorum.ts'
import { logAgreement } from '../check/log-agreement.ts'
import { monotonic } from '../check/monotonic.ts'
import { onePrimaryPerView } from '../check/one-primary-per-view.ts'
import { pipelineBound } from '../check/pipeline-bound.ts'
import { promisesKept } from '../check/promises-kept.ts'
import { sameState } from '../check/same-state.ts'
import { CLUSTER, holds, type Job } from '../disk.ts'
import { History } from '../history.ts'
import { calmOptions } from '../swarm.ts'
import type { Committed, World } from '../world.ts'
import { type Cell, CORNER_OPTIONS, type Done } from './cell.ts'
import type { ListService } from './service.ts'

export interface Judged {
  readonly before: readonly Cell[]
  readonly after: readonly Cell[]
  readonly committed: readonly Committed[]
  /** What the acting replica did. */
  readonly done: Done
  /** Messages sent before by the acting replica. */
  earlier(): readonly Message[]
}

const OPTIONS = { ...calmOptions(1, { replicas: 3 }), replica: CORNER_OPTIONS }

/** Gives what is committed now; throws Violation. */
export function judge(step: Judged): readonly Committed[] {
  const { after, done } = step
  const world: World = {
    options: OPTIONS,
    quorum: Math.floor(after.length / 2) + 1,
    hosts: after,
    history: new History(),
    committed: [...step.committed],
    core: [],
    nowMs: 0,
  }
  judgeExecuted(world, done)
  judgeSent(world, step)
  if (done.durable.length > 0 || done.executed.length > 0) committedIsOnQuorum(world)
  judgeSteps(world, step)
  return world.committed
}

function judgeExecuted(world: World, { cell, executed }: Done): void {
  if (executed.length === 0) return
  for (const check of [logAgreement(world), chain(world, CLUSTER), durableOnQuorum(world)]) {
    for (const effect of executed) check.executed?.(cell, effect)
  }
  const list = (cell.replica?.service as ListService | undefined)?.executed ?? []
  if (new Set(list).size === list.length) return
  throw new Violation('executed-once', `r${cell.number} executed ${list.join(', ')}`)
}

function judgeSent(world: World, { done, earlier }: Judged): void {
  if (done.sent.length === 0) return
  const { cell, sent } = done
  const before = earlier()
  const once = onePrimaryPerView(world)
  for (const message of before) once.sent?.(cell, 0, message)
  const promises = promisesKept(world)
  // No disk of the corner is lost: what was ever on one is on one now.
  for (const host of world.hosts) promises.durable?.(host, NO_JOB)
  const checks = [once, acknowledgedNotLost(world), pipelineBound(world)]
  for (const { by, to, message } of sent) {
    for (const check of checks) check.sent?.(by, to, message)
    if (!isStartedAgain(message, before)) promises.sent?.(by, to, message)
  }
}

const NO_JOB: Job = { type: 'trim', below: opNumber(0) }

/** It may hold what is being prepared by now; the first one of its view may not. */
function isStartedAgain(message: Message, before: readonly Message[]): boolean {
  if (message.type !== 'STARTVIEW') return false
  const { viewNumber } = message
  return before.some(other => other.type === 'STARTVIEW' && other.viewNumber === viewNumber)
}

function judgeSteps(world: World, { before, after, done }: Judged): void {
  const rising = monotonic(world)
  const number = done.cell.number
  for (const cell of [before[number], after[number]]) {
    if (cell === undefined) continue
    rising.stepped?.(cell)
    for (const job of done.durable) rising.durable?.(cell, job)
  }
  const [same, once] = [sameState(), onePrimaryPerView(world)]
  for (const cell of after) {
    same.stepped?.(cell)
    once.stepped?.(cell)
  }
}

/** Once committed, an op stays on the disks of a quorum: what commit-immutable says, of one state. */
function committedIsOnQuorum({ committed, hosts, quorum }: World): void {
  for (const { opNumber, checksum } of committed) {
    const copies = hosts.filter(({ image }) => holds(image, opNumber, checksum)).length
    if (copies >= quorum) continue
    throw new Violation(
      'commit-immutable',
      `op ${opNumber} is committed, and on ${copies} disks of ${hosts.length}`,
    )
  }
}
