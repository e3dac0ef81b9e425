/**
 * What a method is, and how its parameters are bound: by name as they are, by position in the order of
 * the contract (docs/rpc.md), with one more object at the end for `meta`.
 */
import { ViewstampError } from '../base/errors.ts'
import type { Json, JsonObject } from '../base/json.ts'
import { isObject } from '../base/json.ts'
import type { Meta, NodeApi, Position } from '../node/api.ts'
import type { CallKind } from './errors.ts'
import { invalidParams } from './errors.ts'
import { type GivenMeta, META } from './meta.ts'
import type { AnyField, Fields, Problem, Values } from './schema.ts'
import { checkFields } from './schema.ts'
import { type Trace, traceOf } from './traceparent.ts'

/** Where events can be sent to: a WebSocket. */
export interface EventSink {
  readonly subscriptions: SubscriptionHost
}

/** The subscriptions of one connection, as the methods see them. */
export interface SubscriptionHost {
  /** Gives the subscription's id. `start` may throw; its events wait until the answer is on its way. */
  open(caller: Caller, source: EventSource): { subscription: string } & Start
  cancel(subscription: string): boolean
  list(): readonly SubscriptionInfo[]
}

/** Where a subscription starts: a rev, or a cursor of several shards; neither where it has no past. */
export interface Start {
  readonly startRev?: number | undefined
  readonly cursor?: string | undefined
}

export interface SubscriptionInfo {
  readonly subscription: string
  readonly method: string
  /** Events sent so far. */
  readonly n: number
  /** Events that wait for the connection. */
  readonly queued: number
}

export interface SourceEvent {
  readonly kind: string
  readonly rev?: number | undefined
  /** Of events of several shards: whose rev it is, and where to go on behind it. */
  readonly shard?: string | undefined
  readonly cursor?: string | undefined
  readonly view?: number | undefined
  readonly timeMs: number
  readonly result: unknown
  /** JSON of the result, where it was made already. */
  readonly text?: string | undefined
}

export interface EventSource {
  readonly method: string
  /** From this position on, or from where the caller asked when undefined. */
  start(
    from: Position | undefined,
    deliver: (event: SourceEvent) => void,
    /** Nothing more will come. */
    ended: (error: ViewstampError) => void,
  ): {
    readonly startRev?: number | undefined
    readonly cursor?: string | undefined
    /** Everything up to this rev (before this cursor) has been delivered; undefined: not known. */
    reached?(): Position | undefined
    cancel(): void
  }
  /** It can start again from a position, so that an overflow is no loss. */
  readonly resumable: boolean
}

/** Who calls: one per message, so that subscriptions know whose answer they wait for. */
export interface Caller {
  readonly node: NodeApi
  readonly sink: EventSink | undefined
  readonly methods: ReadonlyMap<string, Method>
  /** Of the request that carries the call, as its `traceparent` tells it. */
  readonly trace?: Trace | undefined
  /** To be told once the answer of this message has been sent. */
  answered: (() => void)[] | undefined
}

export interface Method {
  readonly name: string
  readonly kind: CallKind
  readonly doc: string
  readonly fields: readonly (readonly [string, AnyField])[]
  /** Names in order; fields beyond them go by position in one options object after them. */
  readonly positions: readonly string[]
  /** JSON Schema of the result. */
  readonly result: JsonObject
  /** Not to be had here, and not offered: why, told before the parameters are looked at. */
  readonly off?: ((node: NodeApi) => ViewstampError) | undefined
  readonly run: (params: Readonly<Record<string, unknown>>, meta: Meta, caller: Caller) => unknown
}

export interface MethodSpec<F extends Fields> {
  readonly kind: CallKind
  readonly doc: string
  readonly params?: F
  readonly positions?: readonly (keyof F & string)[]
  readonly result: JsonObject
  readonly off?: Method['off']
  readonly run: (params: Values<F>, meta: Meta, caller: Caller) => unknown
}

export function method<const F extends Fields>(name: string, spec: MethodSpec<F>): Method {
  return {
    name,
    kind: spec.kind,
    doc: spec.doc,
    fields: Object.entries(spec.params ?? {}),
    positions: spec.positions ?? [],
    result: spec.kind === 'write' ? withLamport(spec.result) : spec.result,
    off: spec.off,
    // The one place where checked parameters get their type: invoke() has run the checks.
    run: spec.run as Method['run'],
  }
}

/** Every write tells its Lamport time. */
function withLamport(result: JsonObject): JsonObject {
  const properties = isObject(result['properties']) ? (result['properties'] as JsonObject) : {}
  const { header, ...members } = properties
  if (header === undefined || 'lamport' in members) return result
  return { ...result, properties: { ...members, lamport: { type: 'integer' }, header } }
}

const NO_META: Meta = {}
const NO_PARAMS: Readonly<Record<string, unknown>> = {}

/** Checks the parameters and runs the method. Throws ViewstampError, or whatever the method throws. */
export function invoke(method: Method, params: unknown, caller: Caller): unknown {
  if (method.off !== undefined) throw method.off(caller.node)
  const named = nameParams(method, params)
  const bad = checkFields(method.fields, named)
  if (bad !== undefined) throw refusal(bad)
  const meta = named['meta']
  if (meta === undefined) return method.run(named, caller.trace ?? NO_META, caller)
  const wrong = META.check(meta)
  if (wrong !== undefined) throw refusal(wrong, 'meta')
  return method.run(named, metaOf(meta as GivenMeta, method.kind, caller), caller)
}

function nameParams(method: Method, params: unknown): Readonly<Record<string, unknown>> {
  if (params === undefined || params === null) return NO_PARAMS
  if (!Array.isArray(params)) return params as Readonly<Record<string, unknown>>
  return positional(method, params)
}

/** Null prototype: members of Object.prototype must not stand in for absent parameters. */
function positional(method: Method, given: readonly unknown[]): Readonly<Record<string, unknown>> {
  const named: Record<string, unknown> = Object.create(null)
  const names = method.positions
  const hasOptions = method.fields.length > names.length
  let at = 0
  for (; at < names.length && at < given.length; at++) {
    const name = names[at] ?? ''
    // An object where only text can stand is the options, given early: kv.del [{prefix}].
    if (hasOptions && isObject(given[at]) && isPlainText(method, name)) break
    // null skips a parameter, unless null is a value for it.
    if (given[at] === null && isOptional(method, name)) continue
    named[name] = given[at]
  }
  if (hasOptions && at < given.length) at = take(named, given, at)
  if (at < given.length && isObject(given[at])) {
    named['meta'] = given[at]
    at++
  }
  if (at < given.length) {
    throw invalidParams(
      `[${at}]`,
      `${method.name} has no use for parameter ${at + 1}: give ${order(method)}`,
    )
  }
  return named
}

function take(named: Record<string, unknown>, given: readonly unknown[], at: number): number {
  const options = given[at]
  if (!isObject(options)) return at
  for (const [name, value] of Object.entries(options)) named[name] = value
  return at + 1
}

function fieldOf(method: Method, name: string): AnyField | undefined {
  return method.fields.find(([known]) => known === name)?.[1]
}

function isPlainText(method: Method, name: string): boolean {
  return fieldOf(method, name)?.schema.json['type'] === 'string'
}

function isOptional(method: Method, name: string): boolean {
  const field = fieldOf(method, name)
  return field?.need === 'may' && field.schema.check(null) !== undefined
}

/** The parameters as the contract writes them: `key, value, {ifRev?, prev?}`. */
export function order(method: Method): string {
  const shown = method.positions.map(name => name + (isMust(method, name) ? '' : '?'))
  const rest = method.fields.map(([name]) => name).filter(name => !method.positions.includes(name))
  if (rest.length > 0) {
    shown.push(`{${rest.map(name => name + (isMust(method, name) ? '' : '?')).join(', ')}}`)
  }
  return shown.length === 0 ? 'none' : shown.join(', ')
}

function isMust(method: Method, name: string): boolean {
  return fieldOf(method, name)?.need === 'must'
}

function refusal(bad: Problem, prefix = ''): ViewstampError {
  const dot = prefix === '' || bad.path === '' || bad.path.startsWith('[') ? '' : '.'
  const path = prefix + dot + bad.path
  const sentence = `${path} ${bad.say}`
  if (bad.limit === undefined) return invalidParams(path, sentence)
  return new ViewstampError('TOO_LARGE', sentence, { path, limit: bad.limit })
}

function metaOf(meta: GivenMeta, kind: CallKind, { node, trace }: Caller): Meta {
  if (meta.seq !== undefined && meta.session === undefined) {
    throw invalidParams('meta.session', 'meta.session is missing: a seq counts within a session')
  }
  if (kind === 'write' && meta.session !== undefined && meta.seq === undefined) {
    throw invalidParams('meta.seq', 'meta.seq is missing: give each write of a session its number')
  }
  if (meta.lamport !== undefined) node.hear(meta.lamport)
  if (meta.correlationId !== undefined) return meta
  const given = meta.traceparent === undefined ? trace : traceOf(meta.traceparent)
  return given === undefined ? meta : { ...given, ...meta }
}

/** Values that are in the message already, for a command's body. */
export type Body = Readonly<Record<string, Json | undefined>>
