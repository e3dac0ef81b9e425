/**
 * The text of a replica that is equal for two replicas which will behave alike, whatever comes: what a
 * step cannot see is left out, what it only compares is made relative. And a deep copy, so that a step of
 * the one does not touch the other.
 *
 * Times: an explored clock moves by SHORT_MS or by LONG_MS. Every repeat of the corner's options is due
 * after any tick, every suspicion after a long one only (see cell.ts). So all that a replica can tell of an
 * earlier moment is whether a long time has passed since.
 */
import { quorumOf } from '../../vr/configuration.ts'
import type { Entry } from '../../vr/entry.ts'
import type { Message } from '../../vr/message.ts'
import { isPrimary, type Replica } from '../../vr/state.ts'
import type { Job } from '../disk.ts'
import { ListService } from './service.ts'

export const SHORT_MS = 10
export const LONG_MS = 100_000

/** Not seen by a step; or looked at in a tick only, behind which it is always due. */
const UNSEEN: ReadonlySet<string> = new Set([
  'options',
  'configuration',
  'jitter',
  'nowMs',
  'wallMs',
  'clocks',
  'clockMs',
  'nextToken',
  'patienceMs',
  'timeoutMs',
  'attempts',
  'bytes',
  'snapshot',
  // The corner has no reads.
  'reads',
  'lastHeartbeatMs',
  'lastVoteMs',
  'lastSentMs',
  'lastAskedMs',
  'sentMs',
])
const TIMES = /(^votes|Ms)$/
const TOKENS: ReadonlySet<string> = new Set(['token', 'startToken'])

export function textOfReplica(replica: Replica): string {
  return write(seenOf(replica), '', replica)
}

/** What a role needs is made anew when the role begins. */
function seenOf(replica: Replica): object {
  const { primary, backup, change, ...rest } = replica
  const { startedMs, ...votes } = change
  if (replica.status !== 'normal') return { ...rest, change, abdicating: primary.abdicating }
  if (!isPrimary(replica)) return { ...rest, backup, votes }
  const { heardMs, ...own } = primary
  return { ...rest, own, votes, heardMs: quorumHeard(replica, heardMs) }
}

/** Only when a quorum was last heard matters, not who it was. */
function quorumHeard(replica: Replica, heardMs: ReadonlyMap<unknown, number>): number {
  const others = quorumOf(replica.configuration) - 1
  const latest = [...heardMs.values()].sort((a, b) => b - a)
  return latest[others - 1] ?? 0
}

export function textOfMessage(message: Message): string {
  return write(message, '', undefined)
}

export function textOfJob(job: Job): string {
  return write({ ...job, token: 0 }, '', undefined)
}

function write(value: unknown, key: string, of: Replica | undefined): string {
  if (typeof value === 'number') return numberText(value, key, of)
  if (typeof value !== 'object' || value === null) return String(value)
  if (isEntry(value)) return value.checksum
  if (value instanceof ListService) return value.stateHash()
  if (value instanceof Uint8Array) return value.join()
  if (Array.isArray(value)) return `[${value.map(item => write(item, key, of)).join(' ')}]`
  if (value instanceof Set) return `{${[...value].sort().join(' ')}}`
  if (value instanceof Map) {
    const rows = [...value].map(([name, item]) => `${name}:${write(item, key, of)}`)
    return `{${rows.sort().join(' ')}}`
  }
  const members: string[] = []
  for (const [name, item] of Object.entries(value)) {
    if (!UNSEEN.has(name)) members.push(`${name}=${write(item, name, of)}`)
  }
  return `(${members.join(' ')})`
}

function numberText(value: number, key: string, of: Replica | undefined): string {
  if (of === undefined) return String(value)
  if (TOKENS.has(key)) return `-${of.nextToken - value}`
  if (key === 'logGeneration') return `-${of.logGeneration - value}`
  if (TIMES.test(key)) return ageText(of.clockMs - value)
  return String(value)
}

function ageText(age: number): string {
  return age < LONG_MS ? 'recent' : 'long'
}

function isEntry(value: object): value is Entry {
  return 'checksum' in value && 'bytes' in value
}

/** Entries, frozen options and what is inside of messages never change: they are shared. */
export function copyOf<T>(value: T): T
export function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (isEntry(value) || 'type' in value || value instanceof Uint8Array) return value
  if (value instanceof ListService) return value.copy()
  if (Array.isArray(value)) return value.map(item => copyOf(item))
  if (value instanceof Set) return new Set(value)
  if (value instanceof Map) {
    const copy = new Map()
    for (const [name, item] of value) copy.set(name, copyOf(item))
    return copy
  }
  const copy: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) copy[name] = copyOf(item)
  return copy
}
