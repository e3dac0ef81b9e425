/** What the disk gives is not what was written: what that means for this node. docs/storage.md */
import { StorageError, TextDamage } from '../storage/port.ts'
import type { NodeContext } from './context.ts'
import { emit, roleOf } from './context.ts'

/** In a smaller cluster nobody could bring this node back: better it goes on. */
const MEMBERS_MIN = 3

/** As damage met while running: the next start sets the data aside and fetches it anew. */
async function onDamage(
  context: NodeContext,
  error: StorageError,
  fail: (error: unknown) => void,
): Promise<void> {
  const { cluster, options, store } = context
  const isReplica = roleOf(context, cluster.peerId) === 'replica'
  const isAlone = isReplica && cluster.members.length < MEMBERS_MIN
  const what = `${error.message.split('. ', 1)[0]}.`
  const isText = error instanceof TextDamage
  const next = isText
    ? 'Everything else is whole. Look at the disk; what is missing is in a snapshot of before, if anywhere'
    : 'The state in memory is whole: run "viewstamp snapshot save" now, and found a new cluster from it'
  const message = isAlone ? `${what} ${next}` : error.message
  if (context.alarms.get('corrupt') === message) return
  context.alarms.set('corrupt', message)
  emit(context, { kind: 'alarm_raised', alarm: 'corrupt' })
  if (isAlone) return options.warn?.(message)
  // The next start would not find it by itself.
  if (isText) await store.condemn(what).catch(fail)
  fail(error)
}

/** Something could not be read again that had been written. */
export function onUnreadable(
  context: NodeContext,
  error: unknown,
  fail: (error: unknown) => void,
): void {
  if (error instanceof StorageError && error.reason === 'damaged') {
    void onDamage(context, error, fail)
  } else fail(error)
}
