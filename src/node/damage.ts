/**
 * The disk gives something else than was written: what that means for this node. An entry that is still in memory
 * is written again (put-back.ts). Else, where others could bring the node back, its data is opened again, with
 * all that follows from what is found then; where nobody could, it goes on with what it has. docs/storage.md
 */
import { ViewstampError } from '../base/errors.ts'
import { overlay } from '../base/overlay.ts'
import { StorageError, type Store, TextDamage } from '../storage/port.ts'
import type { NodeContext } from './context.ts'
import { emit, roleOf } from './context.ts'
import type { OpenOptions } from './open.ts'
import type { PutBack } from './put-back.ts'
import type { Shard } from './shard.ts'

/** In a smaller cluster nobody could bring this node back: better it goes on. */
const MEMBERS_MIN = 3

export interface DamagePorts {
  readonly putBack: (shard: number, first: number, last: number) => Promise<PutBack>
  readonly unreadable: (error: StorageError, seenAt: SeenAt) => void
}

/** The log and the records of the checkpoint are read at a start; of what is not, it must be told. */
type SeenAt = 'start' | 'reading only'

/** Whoever reads, and for whatever: damage is known from then on. */
export function watchful(store: Store, { putBack, unreadable }: DamagePorts): Store {
  const noted = (seenAt: SeenAt) => (error: unknown) => {
    if (isDamage(error)) unreadable(error, seenAt)
    throw error
  }
  return overlay<Store>(store, {
    readEntries: async (shard, first, last, bytesMax) => {
      for (let before: PutBack | undefined; ; ) {
        try {
          return await store.readEntries(shard, first, last, bytesMax)
        } catch (error) {
          const now = isDamage(error) ? await putBack(shard, first, last) : 'impossible'
          // Somebody else may have put it back meanwhile; twice that is not why.
          if (now === 'impossible' || (now === 'whole' && before === 'whole')) {
            return noted('start')(error)
          }
          before = now
        }
      }
    },
    readChanges: (...where) => store.readChanges(...where).catch(noted('reading only')),
    readCold: (...which) => store.readCold(...which).catch(noted('reading only')),
    async *readRecords(shard, after) {
      try {
        yield* store.readRecords(shard, after)
      } catch (error) {
        noted('start')(error)
      }
    },
  })
}

export const isDamage = (error: unknown): error is StorageError =>
  error instanceof StorageError && error.reason === 'damaged'

/** For callers: what they asked for is not to be had here. */
export function corrupt(): ViewstampError {
  const message = `a part of what was asked for is damaged on this node's disk: ask another node`
  return new ViewstampError('READ_ONLY', message, { reason: 'CORRUPT' })
}

/** Something could not be read again that had been written. */
export function onUnreadable(
  context: NodeContext,
  options: Pick<OpenOptions, 'fail' | 'damaged'>,
  error: unknown,
  seenAt: SeenAt = 'start',
): void {
  if (isDamage(error)) void onDamage(context, options, error, seenAt)
  else options.fail(error)
}

async function onDamage(
  context: NodeContext,
  { fail, damaged = fail }: Pick<OpenOptions, 'fail' | 'damaged'>,
  error: StorageError,
  seenAt: SeenAt,
): Promise<void> {
  if (context.closing !== undefined || context.alarms.has('corrupt')) return
  const { options, store } = context
  const what = firstSentence(error)
  const isAlone = !canBeBroughtBack(context)
  const next = isAlone ? adviceAlone(error, seenAt) : 'The data is closed and opened again'
  const message = `${what} ${next}`
  context.alarms.set('corrupt', message)
  emit(context, { kind: 'alarm_raised', alarm: 'corrupt' })
  if (isAlone) return options.warn?.(message)
  if (seenAt === 'reading only') await store.condemn(what).catch(fail)
  damaged(error)
}

/** Where it happened and what it is; what to do about it comes behind. */
const firstSentence = ({ message }: StorageError): string => `${message.split('. ', 1)[0]}.`

function canBeBroughtBack(context: NodeContext): boolean {
  const { members, peerId } = context.cluster
  return roleOf(context, peerId) === 'standby' || members.length >= MEMBERS_MIN
}

/**
 * The first write that fails ends the process. But where LevelDB met damage as it merged tables, it is known what it was.
 * The audit of the next opening need not meet it, and the next merge would: so that opening is told to set the data aside.
 */
export async function onWriteFailed(
  context: NodeContext,
  { fail, damaged = fail }: Pick<OpenOptions, 'fail' | 'damaged'>,
  error: unknown,
): Promise<void> {
  if (!isDamage(error) || !canBeBroughtBack(context)) return fail(error)
  await context.store.condemn(firstSentence(error)).catch(fail)
  damaged(error)
}

function adviceAlone(error: StorageError, seenAt: SeenAt): string {
  if (error instanceof TextDamage) {
    return 'Everything else is whole. Look at the disk; what is missing is in a snapshot of before, if anywhere'
  }
  if (seenAt === 'reading only') {
    return 'The state is whole; older changes cannot be read back. Look at the disk, and run "viewstamp snapshot save"'
  }
  return 'The state in memory is whole: run "viewstamp snapshot save" now, and found a new cluster from it'
}

/** The others go on without a damaged entry of this node: what it promised is not needed, and not to be had. */
export async function stopDamaged(
  options: OpenOptions,
  context: NodeContext,
  shard: Shard,
  op: number,
): Promise<void> {
  const { fail, damaged = fail } = options
  const why = `Entry ${op} of shard ${shard.name} on ${context.cluster.name} is damaged, and a quorum of the other nodes goes on without it.`
  await context.store.condemn(why).catch(fail)
  damaged(
    new StorageError('damaged', `${why} Its data is set aside, and that of the others fetched.`),
  )
}

/**
 * Nothing more is answered; then the process ends. Where others are a quorum without it, the node gets
 * their state at its next start: until then the data is left as it is, for whoever looks for the cause.
 */
export async function stopDiverged(
  { fail }: OpenOptions,
  context: NodeContext,
  shard: Shard,
  op: number,
): Promise<void> {
  const why = `The state of shard ${shard.name} on ${context.cluster.name} at op ${op} is not that of the other replicas: a fault of memory, or a state machine that is not deterministic or not of the same version everywhere.`
  context.closing = 'stopping'
  await context.store.condemn(why).catch(fail)
  const next = 'At its next start the node sets its data aside and fetches that of the others.'
  fail(new StorageError('damaged', `${why} ${next}`))
}
