/** chaos.*: faults put into this node on purpose. Only with `chaos: true`, and for callers on this machine. */
import { present } from '../../base/assert.ts'
import { ViewstampError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json.ts'
import type { ChaosApi } from '../../chaos/api.ts'
import type { NodeApi } from '../../node/api.ts'
import { invalidParams } from '../errors.ts'
import { type Method, method } from '../method.ts'
import {
  either,
  type Fields,
  integer,
  list,
  may,
  must,
  number,
  oneOf,
  refined,
  text,
  type Values,
} from '../schema.ts'
import { line, partition } from './chaos-reach.ts'
import { ANY, BOOLEAN, headed, INTEGER, listOf, result, STRING, shape } from './result.ts'

const NAME = text(256)
const NAMES_MAX = 64
/** Times of faults end here, not at what a timer can hold. */
const MS_MAX = 86_400_000

const names = either(
  NAME,
  list(NAME, NAMES_MAX, 1),
  'must be the name of a node, or an array of names',
)
const rate = refined(number, value =>
  Number(value) > 0 && Number(value) <= 1
    ? undefined
    : { path: '', say: 'must be above 0 and at most 1: the share of frames that are lost' },
)
const ms = integer(1, MS_MAX)

const NODE = { node: may(NAME, 'the node that is meant: another one refuses the call') }
const FOR = { forMs: may(ms, 'ends by itself after so long (until it is healed)') }
const WHICH = {
  direction: may(oneOf('both', 'in', 'out'), 'seen from this node (both)'),
  shard: may(NAME, 'only frames of this shard (all, and what is of none)'),
}
const PEER = { peer: may(names, 'to or from which nodes (all others)') }

const FAULT = shape({
  id: STRING,
  kind: STRING,
  text: STRING,
  fault: ANY,
  ageMs: INTEGER,
  leftMs: { type: ['integer', 'null'] },
})
const STATUS = { node: STRING, paused: BOOLEAN, faults: listOf(FAULT) }
const ENDING = { pid: INTEGER, comesBack: BOOLEAN, run: STRING }

interface Row {
  readonly name: string
  readonly doc: string
  readonly params: Fields
  readonly positions: readonly string[]
  readonly result: Readonly<Record<string, JsonObject>>
  readonly act: (chaos: ChaosApi, params: Readonly<Record<string, unknown>>) => object
}

function row<const F extends Fields = Record<never, never>>(
  name: string,
  spec: {
    readonly doc: string
    readonly params?: F
    readonly positions?: readonly (keyof F & string)[]
    readonly result?: Row['result']
    readonly act: (chaos: ChaosApi, params: Values<F>) => object
  },
): Row {
  const { doc, params = {}, positions = [], result = STATUS } = spec
  // Checked before by invoke(), as for every method.
  return { name, doc, params, positions, result, act: spec.act as Row['act'] }
}

const ROWS: readonly Row[] = [
  row('partition', {
    doc: 'Cuts this node off: frames are lost, and no new connection gets through. Between two groups: call each node of one of them.',
    params: {
      from: may(names, 'one side (this node)'),
      to: may(names, 'the other side (all other nodes)'),
      peers: may(names, 'the same as `to`'),
      direction: may(oneOf('both', 'in', 'out'), 'out: frames from `from` to `to` are lost (both)'),
      shard: WHICH.shard,
      ...FOR,
    },
    positions: ['from', 'to'],
    act: partition,
  }),
  row('heal', {
    doc: 'Ends every fault of this node, a pause and a slow disk too.',
    result: { healed: INTEGER, ...STATUS },
    act: chaos => ({ healed: chaos.heal(), ...chaos.status() }),
  }),
  row('drop', {
    doc: 'Loses a share of the frames to and from other nodes.',
    params: { ...PEER, rate: must(rate, 'share of the frames: 0.1'), ...WHICH, ...FOR },
    positions: ['peer', 'rate'],
    act: (chaos, params) =>
      chaos.inject({ kind: 'drop', rate: params.rate, ...line(chaos, params) }, params.forMs),
  }),
  row('delay', {
    doc: 'Frames to and from other nodes take longer; their order stays.',
    params: {
      ...PEER,
      ms: must(ms, 'longer by so much, each way'),
      jitterMs: may(integer(0, MS_MAX), 'and by up to this more, drawn for each frame (0)'),
      ...WHICH,
      ...FOR,
    },
    positions: ['peer', 'ms', 'jitterMs'],
    act: (chaos, params) => {
      const fault = { ms: params.ms, jitterMs: params.jitterMs ?? 0, ...line(chaos, params) }
      return chaos.inject({ kind: 'delay', ...fault }, params.forMs)
    },
  }),
  row('pause', {
    doc: 'The node handles no frames, timers or completed writes, and answers no calls but chaos.*, cluster.* and system.*, as if it were stopped (SIGSTOP), until it is resumed.',
    params: { ms: may(ms, 'resumes by itself after so long'), ...FOR },
    positions: ['ms'],
    act: (chaos, params) => chaos.inject({ kind: 'pause' }, params.ms ?? params.forMs),
  }),
  row('resume', {
    doc: 'The node goes on where it was paused.',
    result: { resumed: BOOLEAN, ...STATUS },
    act: chaos => ({ resumed: chaos.heal('pause') > 0, ...chaos.status() }),
  }),
  row('slowDisk', {
    doc: 'Each synced batch takes longer.',
    params: { ms: must(ms, 'longer by so much'), ...FOR },
    positions: ['ms'],
    act: (chaos, params) => chaos.inject({ kind: 'slow-disk', ms: params.ms }, params.forMs),
  }),
  row('kill', {
    doc: 'Ends the process behind this answer, as kill -9 does: no handover, nothing is closed. `run` starts it again.',
    result: ENDING,
    act: chaos => chaos.kill(),
  }),
  row('restart', {
    doc: 'The same, and whoever started the process is asked to start it again. The demo does; elsewhere `comesBack` is false, and `run` is the line to run.',
    result: ENDING,
    act: chaos => chaos.restart(),
  }),
  row('status', { doc: 'The faults in force at this node.', act: chaos => chaos.status() }),
]

/** All of chaos.*; undefined: fault injection is off, and each of them says so. */
export function chaosMethods(chaos: ChaosApi | undefined): readonly Method[] {
  return ROWS.map(({ name, act, doc, params, positions, result: members }) =>
    method<Fields>(`chaos.${name}`, {
      kind: 'free',
      doc,
      params: { ...params, ...NODE },
      positions,
      result: result(members),
      off: chaos === undefined ? isOff : undefined,
      run: (values, meta, { node }) => {
        const given: Readonly<Record<string, unknown>> = values
        const own = present(chaos, 'what is off is not run')
        refuseOther(own, given['node'] as string | undefined)
        return headed(act(own, given), node.header(meta.shard))
      },
    }),
  )
}

function isOff({ name }: NodeApi): ViewstampError {
  const sentence = `fault injection is off at ${name}: start it with --chaos (chaos: true in config.yaml), with RPC on loopback`
  return new ViewstampError('CHAOS_DISABLED', sentence)
}

function refuseOther(chaos: ChaosApi, asked: string | undefined): void {
  if (asked === undefined || asked === chaos.node) return
  const sentence = `node is "${asked}" and this is ${chaos.node}: faults are put in by the node itself, so call that one`
  throw invalidParams('node', sentence)
}
