/**
 * Waiting commands become entries (VRR §4.1 step 3), with batching and pipelining (§6.2): while one entry is being
 * made durable the next one fills, so an entry carries whatever came in meanwhile and no timer is needed.
 */
import type { Effect } from './effect.ts'
import type { Command } from './entry.ts'
import { makeEntry } from './entry.ts'
import { append, headMark, suffixFrom } from './log.ts'
import { logTimeMs } from './log-time.ts'
import type { PrepareOk, Send } from './message.ts'
import type { Replica } from './state.ts'
import { broadcast, currentPrimary, isPrimary, opOf, write } from './state.ts'
import type { OpNumber } from './terms.ts'
import { opNumber } from './terms.ts'

/** §4.1 step 3: as long as there is room, the waiting commands become the next entry. */
export function prepareWaiting(
  replica: Replica,
  effects: Effect[],
  when: 'worthwhile' | 'now' = 'worthwhile',
): void {
  const { primary, options } = replica
  while (primary.queue.length > 0 && isPrimary(replica)) {
    if (when === 'worthwhile' && !isWorthwhile(replica)) return
    if (appendsUnderWay(replica) >= options.appendsInFlightMax) return
    if (opOf(replica) - replica.commitNumber >= options.pipelineMax) return
    if (uncommittedBytes(replica) >= options.pipelineBytesMax) return
    prepare(replica, takeBatch(replica), effects)
  }
}

/**
 * An entry costs the same few messages and syncs whatever it carries. So while others are under way a
 * small one waits for company, until they commit or the next tick comes.
 */
function isWorthwhile(replica: Replica): boolean {
  const { primary } = replica
  if (opOf(replica) === replica.knownCommit) return true
  const { pipelineCommandsMin, batchBytesMax } = replica.options
  return primary.queue.length >= pipelineCommandsMin || primary.queueBytes >= batchBytesMax / 4
}

function appendsUnderWay(replica: Replica): number {
  let count = 0
  for (const w of replica.writes) if (w.appends) count++
  return count
}

function uncommittedBytes(replica: Replica): number {
  let bytes = 0
  for (const entry of suffixFrom(replica.log, replica.commitNumber + 1)) bytes += entry.bytes.length
  return bytes
}

function takeBatch(replica: Replica): Command[] {
  const { primary } = replica
  const { count, bytes } = batchOf(replica, primary.queue)
  primary.queueBytes -= bytes
  return primary.queue.splice(0, count)
}

/** How many of the commands make one batch: at least one. */
export function batchOf({ options }: Replica, commands: readonly Command[]) {
  let bytes = 0
  let count = 0
  for (const command of commands) {
    const more = bytes + sizeOf(command)
    if (count > 0 && (count >= options.batchCommandsMax || more > options.batchBytesMax)) break
    bytes = more
    count++
  }
  return { count, bytes }
}

export function sizeOf(command: Command): number {
  return command.operation.length + command.meta.length + 64
}

/** Appends one entry and sends it out; our own acknowledgement waits for our own disk like any other. */
export function prepare(replica: Replica, commands: readonly Command[], effects: Effect[]): void {
  const head = headMark(replica.log)
  const entry = makeEntry({
    shard: replica.shard,
    epochNumber: replica.configuration.epochNumber,
    viewNumber: replica.viewNumber,
    opNumber: opNumber(head.opNumber + 1),
    parent: head.checksum,
    timeMs: logTimeMs(replica),
    revBefore: head.rev,
    lamport: Math.max(head.lamport, replica.lamport) + 1,
    commitNumber: replica.knownCommit,
    commands,
  })
  append(replica.log, entry)
  const { viewNumber, knownCommit: commitNumber } = replica
  broadcast(replica, { type: 'PREPARE', viewNumber, entry, commitNumber }, effects)
  write(replica, effects, { append: [entry], then: [prepareOk(replica, entry.opNumber)] })
}

/** ⟨PREPAREOK v, n, i⟩ to the primary of our view; it may be us. Only ever sent by a write that backs it. */
export function prepareOk(replica: Replica, n: OpNumber): Send {
  const message: PrepareOk = {
    type: 'PREPAREOK',
    viewNumber: replica.viewNumber,
    opNumber: n,
  }
  return { type: 'send', to: currentPrimary(replica), message }
}
