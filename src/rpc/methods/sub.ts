/** sub.*: the subscriptions of the connection that asks. */
import { ViewstampError } from '../../base/errors.ts'
import type { Caller, EventSink } from '../method.ts'
import { method } from '../method.ts'
import { must, text } from '../schema.ts'
import { INTEGER, listOf, STRING, shape } from './result.ts'

export const SUB = [
  method('sub.cancel', {
    kind: 'free',
    doc: 'WebSocket only. Ends a subscription; false when there is none of that id.',
    params: { subscription: must(text(64), 'the id that the watch gave') },
    positions: ['subscription'],
    result: { type: 'boolean' },
    run: ({ subscription }, _, caller) =>
      sinkOf(caller, 'sub.cancel').subscriptions.cancel(subscription),
  }),
  method('sub.list', {
    kind: 'free',
    doc: 'WebSocket only. The open subscriptions of this connection.',
    result: listOf(shape({ subscription: STRING, method: STRING, n: INTEGER, queued: INTEGER })),
    run: (_params, _meta, caller) => sinkOf(caller, 'sub.list').subscriptions.list(),
  }),
]

/** Throws NEEDS_SOCKET where nothing can be pushed. */
export function sinkOf(caller: Caller, name: string, instead?: string): EventSink {
  if (caller.sink !== undefined) return caller.sink
  const other = instead === undefined ? '' : `, or use ${instead}`
  const sentence = `${name} needs a WebSocket: open one at /rpc on the same port${other}`
  throw new ViewstampError('NEEDS_SOCKET', sentence)
}
