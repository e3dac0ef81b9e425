/** kv.watch and kv.poll: committed changes of keys, pushed or asked for. */
import type { Change } from '../../machine/machine.ts'
import type { CommitEvent, KeyRange, NodeApi, WatchFrom } from '../../node/api.ts'
import { POLL_WAIT_MS_MAX } from '../limits.ts'
import { type EventSource, method, type SourceEvent } from '../method.ts'
import { boolean, either, integer, may, oneOf, refined, text } from '../schema.ts'
import { KEY } from '../value.ts'
import { oneSpan, RANGE } from './kv-write.ts'
import { headed, INTEGER, listOf, POSITION, ref, result, STRING } from './result.ts'
import { sinkOf } from './sub.ts'

const EVENTS_MAX = 1_000
const EVENTS_DEFAULT = 100
/** A rev of each of 256 shards. */
const CURSOR_BYTES_MAX = 4_608

const SAY = 'must be a rev, "now", "first" or a cursor'
const CURSOR = refined(text(CURSOR_BYTES_MAX), value =>
  /^@\d+(\.\d+)*$/.test(String(value)) ? undefined : { path: '', say: SAY },
)
export const FROM = either(integer(0), either(oneOf('now', 'first'), CURSOR, SAY), SAY)
const WATCH = {
  key: may(KEY, 'one key'),
  ...RANGE,
  from: may(
    FROM,
    'a rev, "now" (default: the next change), "first" (the oldest kept), or a cursor (of several shards)',
  ),
  prev: may(boolean, 'with the value before each change'),
}

export const KV_WATCH = [
  method('kv.watch', {
    kind: 'free',
    doc: 'WebSocket only. Every committed change of the keys as sub.event, in order, none left out.',
    params: WATCH,
    result: result({ subscription: STRING, 'startRev?': INTEGER, 'cursor?': STRING }),
    run: ({ key, prefix, start, end, from = 'now', prev }, meta, caller) => {
      oneSpan({ key, prefix, start, end })
      const sink = sinkOf(caller, 'kv.watch', 'kv.poll')
      const range = { key, prefix, start, end }
      const source = watchSource(caller.node, range, from, prev === true, meta.shard)
      const opened = sink.subscriptions.open(caller, source.events)
      return headed(opened, caller.node.header(source.shard()))
    },
  }),
  method('kv.poll', {
    kind: 'read',
    doc: 'The same events by asking: waits up to waitMs for the first; go on with from = next.',
    params: {
      ...WATCH,
      waitMs: may(integer(0, POLL_WAIT_MS_MAX), 'how long to wait for the first (0)'),
      limit: may(integer(1, EVENTS_MAX), 'at most so many events (100)'),
    },
    result: result({ events: listOf(ref('Event')), next: POSITION }),
    run: async (params, meta, { node }) => {
      const { key, prefix, start, end, from = 'now', waitMs = 0, limit = EVENTS_DEFAULT } = params
      oneSpan({ key, prefix, start, end })
      const range = { key, prefix, start, end }
      const { events, next, shard } = await node.pollKeys(
        range,
        from,
        { waitMs, limit },
        meta.shard,
      )
      // Where there are several shards, it says which one the rev is of.
      const isOne = typeof next === 'number'
      const shown = events.map(event => {
        const { rev, view, timeMs } = event
        const of = isOne ? { rev } : { rev, shard: event.shard }
        return { ...of, view, timeMs, ...contentOf(event, params.prev === true) }
      })
      return headed({ events: shown, next }, node.header(shard))
    },
  }),
]

/** Shared with GET /events. */
export function watchSource(
  node: Pick<NodeApi, 'watchKeys'>,
  range: KeyRange,
  asked: WatchFrom,
  withPrev: boolean,
  named: string | undefined,
): { readonly events: EventSource; readonly shard: () => string | undefined } {
  let shard = named
  const events: EventSource = {
    method: 'kv.watch',
    resumable: true,
    start: (from, deliver, ended) => {
      const take = (event: CommitEvent): void => deliver(sourceEvent(event, withPrev))
      const watch = node.watchKeys(range, from ?? asked, take, ended, named)
      shard = watch.shard
      return watch
    },
  }
  return { events, shard: () => shard }
}

function sourceEvent(event: CommitEvent, withPrev: boolean): SourceEvent {
  const { rev, view, timeMs, cursor } = event
  const shard = cursor === undefined ? undefined : event.shard
  return { kind: 'kv', rev, shard, cursor, view, timeMs, result: contentOf(event, withPrev) }
}

function contentOf(event: CommitEvent, withPrev: boolean): object {
  const { op, lamport, correlationId } = event
  return {
    op,
    lamport,
    correlationId,
    changes: event.changes.map(change => shown(change, withPrev)),
  }
}

/** `prev` may be a getter that parses: asked for only when the caller did. */
function shown(change: Change, withPrev: boolean): object {
  const { key, rev, value, createRev, version } = change
  const type = value === undefined ? 'delete' : 'put'
  const prev = withPrev ? change.prev : undefined
  return { type, key, rev, value, createRev, version, prev }
}
