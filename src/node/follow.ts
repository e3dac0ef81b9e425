/**
 * Changes of keys, whichever shards they are in. One shard: its own stream, with revs as positions. Several:
 * their streams together, each in its own order, and a position is a cursor: the next rev of every shard.
 */
import { ViewstampError } from '../base/errors.ts'
import type { CommitEvent, KeyRange, KeyWatch, NodeApi, WatchFrom } from './api.ts'
import type { NodeContext } from './context.ts'
import { route } from './route.ts'
import type { Shard } from './shard.ts'

type Polled = Awaited<ReturnType<NodeApi['pollKeys']>>

export function watchKeys(
  context: NodeContext,
  ...[range, from, deliver, ended, shard]: Parameters<NodeApi['watchKeys']>
): KeyWatch {
  const shards = shardsOf(context, range, shard)
  const [only] = shards
  if (shards.length > 1 || only === undefined) return watchAll(shards, range, from, deliver, ended)
  return { ...only.changes.watch(range, revOf(from), deliver, ended), shard: only.name }
}

export async function pollKeys(
  context: NodeContext,
  ...[range, from, options, shard]: Parameters<NodeApi['pollKeys']>
): Promise<Polled> {
  const shards = shardsOf(context, range, shard)
  const [only] = shards
  if (shards.length > 1 || only === undefined) return pollAll(shards, range, from, options)
  return { ...(await only.changes.poll(range, revOf(from), options)), shard: only.name }
}

/** Those that may hold keys of the range. */
function shardsOf({ shards }: NodeContext, { key }: KeyRange, named: string | undefined) {
  const isOne = key !== undefined || named !== undefined || shards.length === 1
  if (!isOne) return shards
  const keys = key === undefined ? [] : [key]
  return [route(shards, { machine: 'kv', keys, body: null, meta: { shard: named } })]
}

function watchAll(
  shards: readonly Shard[],
  range: KeyRange,
  from: WatchFrom,
  deliver: (event: CommitEvent) => void,
  ended: (error: ViewstampError) => void = () => {},
): KeyWatch {
  const next = startsOf(shards, from)
  const watches: KeyWatch[] = []
  const cancel = (): void => {
    for (const watch of watches) watch.cancel()
  }
  const end = (error: ViewstampError): void => {
    cancel()
    ended(error)
  }
  shards.forEach((shard, i) => {
    const take = (event: CommitEvent): void => {
      next[i] = event.rev + 1
      deliver({ ...event, cursor: cursorOf(next) })
    }
    try {
      const watch = shard.changes.watch(range, next[i] ?? 'now', take, end)
      watches.push(watch)
      next[i] = watch.startRev ?? 0
    } catch (error) {
      cancel()
      throw error
    }
  })
  const reached = (): string => {
    watches.forEach((watch, i) => {
      const rev = watch.reached?.()
      if (typeof rev === 'number') next[i] = Math.max(Number(next[i]), rev + 1)
    })
    return cursorOf(next)
  }
  return { cursor: cursorOf(next), reached, cancel }
}

/** What each has, in the order of time as far as it goes; if none has any, the first that comes. */
async function pollAll(
  shards: readonly Shard[],
  range: KeyRange,
  from: WatchFrom,
  { waitMs, limit }: { readonly waitMs: number; readonly limit: number },
): Promise<Polled> {
  const look = async (at: readonly (number | 'now' | 'first')[]) => {
    const answers = await Promise.all(
      shards.map((shard, i) => shard.changes.poll(range, at[i] ?? 'now', { waitMs: 0, limit })),
    )
    const events = answers.flatMap(answer => answer.events)
    return { events, next: answers.map(answer => answer.next) }
  }
  let { events, next } = await look(startsOf(shards, from))
  if (events.length === 0 && waitMs > 0) {
    await firstOf(shards, range, next, waitMs)
    ;({ events, next } = await look(next))
  }
  events.sort((a, b) => a.timeMs - b.timeMs)
  // What is left for the next call: from the first of each shard on.
  for (const event of events.splice(limit).reverse()) {
    const i = shards.findIndex(shard => shard.name === event.shard)
    next[i] = event.rev
  }
  return { events, next: cursorOf(next) }
}

async function firstOf(
  shards: readonly Shard[],
  range: KeyRange,
  from: readonly number[],
  waitMs: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let watch: KeyWatch | undefined
  await new Promise<void>(resolve => {
    watch = watchAll(
      shards,
      range,
      cursorOf(from),
      () => resolve(),
      () => resolve(),
    )
    timer = setTimeout(resolve, waitMs)
  })
  clearTimeout(timer)
  watch?.cancel()
}

/** In one shard revs are positions. */
function revOf(from: WatchFrom): number | 'now' | 'first' {
  if (typeof from === 'number' || from === 'now' || from === 'first') return from
  const message = 'a cursor is of several shards, and these keys are in one: start from a rev'
  throw new ViewstampError('BAD_CURSOR', message, { path: 'from' })
}

function startsOf(shards: readonly Shard[], from: WatchFrom): (number | 'now' | 'first')[] {
  if (from === 'now' || from === 'first') return shards.map(() => from)
  if (typeof from === 'number') {
    const message = `revs count in one shard, and these keys may be in ${shards.length}: start from a cursor, "now" or "first", or name one with meta.shard`
    throw new ViewstampError('BAD_CURSOR', message, { path: 'from' })
  }
  const revs = from.slice(1).split('.').map(Number)
  if (from.startsWith('@') && revs.length === shards.length && revs.every(Number.isSafeInteger)) {
    return revs
  }
  const message = `this cursor is not of the ${shards.length} shards here: take it from an event, or start from "now" or "first"`
  throw new ViewstampError('BAD_CURSOR', message, { path: 'from' })
}

const cursorOf = (next: readonly (number | string)[]): string => `@${next.join('.')}`
