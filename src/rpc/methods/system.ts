/** system.*: about this daemon. */
import { method } from '../method.ts'
import { BOOLEAN, headed, INTEGER, listOf, result, STRING } from './result.ts'

/** Version of this contract; it changes when something that worked does not any longer. */
export const PROTOCOL = '1'
export const FEATURES = [
  'batch',
  'kv',
  'log',
  'sessions',
  'sm',
  'snapshots',
  'subscriptions',
] as const

export const SYSTEM = [
  method('system.ping', {
    kind: 'free',
    doc: 'Answers at once, without asking the cluster; `nowMs` is the clock of this machine.',
    result: result({ pong: BOOLEAN, nowMs: INTEGER }),
    run: (_, meta, { node }) => headed({ pong: true, nowMs: Date.now() }, node.header(meta.shard)),
  }),
  method('system.version', {
    kind: 'free',
    doc: 'The version of the daemon and of this contract.',
    result: result({ version: STRING, protocol: STRING, node: STRING, features: listOf(STRING) }),
    run: (_, meta, { node }) =>
      headed(
        { version: node.version, protocol: PROTOCOL, node: node.name, features: FEATURES },
        node.header(meta.shard),
      ),
  }),
]
