/** kv.watch and kv.poll: committed changes of keys, pushed or asked for. */
import type { Change } from '../../machine/machine.ts'
import type { CommitEvent, KeyRange, NodeApi, WatchFrom } from '../../node/api.ts'
import { POLL_WAIT_MS_MAX } from '../limits.ts'
import { type EventSource, method, type SourceEvent } from '../method.ts'
import { boolean, either, integer, may, oneOf } from '../schema.ts'
import { KEY } from '../value.ts'
import { oneSpan, RANGE } from './kv-write.ts'
import { headed, INTEGER, listOf, ref, result, STRING } from './result.ts'
import { sinkOf } from './sub.ts'

const EVENTS_MAX = 1_000
const EVENTS_DEFAULT = 100

const FROM = either(integer(0), oneOf('now', 'first'), 'must be a rev, "now" or "first"')
const WATCH = {
  key: may(KEY, 'one key'),
  ...RANGE,
  from: may(FROM, 'a rev, "now" (default: the next change) or "first" (the oldest kept)'),
  prev: may(boolean, 'with the value before each change'),
}

export const KV_WATCH = [
  method('kv.watch', {
    kind: 'free',
    doc: 'WebSocket only. Every committed change of the keys as sub.event, in order, none left out.',
    params: WATCH,
    result: result({ subscription: STRING, startRev: INTEGER }),
    run: ({ key, prefix, start, end, from = 'now', prev }, meta, caller) => {
      oneSpan({ key, prefix, start, end })
      const sink = sinkOf(caller, 'kv.watch', 'kv.poll')
      const source = watchSource(caller.node, { key, prefix, start, end }, from, prev === true)
      return headed(sink.subscriptions.open(caller, source), caller.node.header(meta.shard))
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
    result: result({ events: listOf(ref('Event')), next: INTEGER }),
    run: async (params, meta, { node }) => {
      const { key, prefix, start, end, from = 'now', waitMs = 0, limit = EVENTS_DEFAULT } = params
      oneSpan({ key, prefix, start, end })
      const range = { key, prefix, start, end }
      const { events, next } = await node.pollKeys(range, from, { waitMs, limit })
      const shown = events.map(event => {
        const { rev, view, timeMs } = event
        return { rev, view, timeMs, ...contentOf(event, params.prev === true) }
      })
      return headed({ events: shown, next }, node.header(meta.shard))
    },
  }),
]

function watchSource(
  node: Pick<NodeApi, 'watchKeys'>,
  range: KeyRange,
  asked: WatchFrom,
  withPrev: boolean,
): EventSource {
  return {
    method: 'kv.watch',
    resumable: true,
    start: (from, deliver, ended) =>
      node.watchKeys(range, from ?? asked, event => deliver(sourceEvent(event, withPrev)), ended),
  }
}

function sourceEvent(event: CommitEvent, withPrev: boolean): SourceEvent {
  const { rev, view, timeMs } = event
  return { kind: 'kv', rev, view, timeMs, result: contentOf(event, withPrev) }
}

function contentOf(event: CommitEvent, withPrev: boolean): object {
  const { op, correlationId } = event
  return { op, correlationId, changes: event.changes.map(change => shown(change, withPrev)) }
}

/** `prev` may be a getter that parses: asked for only when the caller did. */
function shown(change: Change, withPrev: boolean): object {
  const { key, rev, value, createRev, version } = change
  const type = value === undefined ? 'delete' : 'put'
  const prev = withPrev ? change.prev : undefined
  return { type, key, rev, value, createRev, version, prev }
}
