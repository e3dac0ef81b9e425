/** What a command of the log tells about itself: what it belongs to, and what it touched. */
import { text } from '../base/bytes.ts'
import { isObject, type Json, type JsonObject } from '../base/json.ts'
import { programKeys } from '../machine/kv/program-keys.ts'
import { Rejected } from '../machine/machine.ts'
import type { Command, Entry } from '../vr/entry.ts'
import { traceOf } from '../vr/execute.ts'
import type { TraceEvent, TraceRecord } from './api.ts'

const NAMED_MAX = 8
/** Begins the name of a record's own correlation id, as a member or as a header. */
const OWN = '"correlationId":'

/** The correlations that a command belongs to: that of its call, and those of records that have their own. */
export function correlationsOf({ kind, meta, operation }: Command): readonly string[] {
  if (kind !== 'operation') return []
  const { correlationId } = traceOf(meta)
  const own = correlationId === undefined ? [] : [correlationId]
  const { buffer, byteOffset, length } = operation
  if (!Buffer.from(buffer, byteOffset, length).includes(OWN)) return own
  const { machine, body } = bodyOf(operation)
  const named = recordsIn(machine, body).map(record => record.correlationId)
  return [...new Set([...own, ...named.filter(id => id !== undefined)])]
}

export interface Surrounds {
  readonly shard: string
  /** The primary of the entry's view. */
  readonly node: string
  /** Keys that it changed. */
  readonly changed: readonly string[]
}

/** `index`: of the command in its entry. */
export function eventOf(entry: Entry, index: number, around: Surrounds): TraceEvent | undefined {
  const command = entry.commands[index]
  if (command === undefined) return undefined
  const { shard, node, changed } = around
  const { machine, body } = bodyOf(command.operation)
  const { correlationId, causationId } = traceOf(command.meta)
  const op = body['op']
  const lamport = entry.lamport + index + 1
  return {
    id: `${shard}@${lamport}`,
    shard,
    op: entry.opNumber,
    view: entry.viewNumber,
    rev: revAt(entry, index),
    lamport,
    timeMs: entry.timeMs,
    node,
    machine,
    method: methodOf(machine, typeof op === 'string' ? op : undefined),
    keys: [...new Set([...keysIn(machine, body), ...changed])].slice(0, NAMED_MAX),
    records: recordsIn(machine, body).slice(0, NAMED_MAX),
    session: command.clientId,
    ...(correlationId !== undefined && { correlationId }),
    ...(causationId !== undefined && { causationId }),
  }
}

export function revAt(entry: Entry, index: number): number {
  const before = entry.commands.slice(0, index + 1)
  return entry.revBefore + before.filter(({ kind }) => kind === 'operation').length
}

function methodOf(machine: string, op: string | undefined): string {
  if (machine !== 'kv' && machine !== 'feed') return 'sm.submit'
  if (op === undefined) return machine
  return op.startsWith('group.') ? op : `${machine}.${op}`
}

function bodyOf(operation: Uint8Array): { machine: string; body: JsonObject } {
  try {
    const parsed: unknown = JSON.parse(text(operation))
    if (isObject(parsed)) {
      const { m, c } = parsed
      return { machine: String(m), body: isObject(c) ? (c as JsonObject) : {} }
    }
  } catch {
    // Whatever it was, every replica refused it the same way.
  }
  return { machine: '', body: {} }
}

function keysIn(machine: string, body: JsonObject): readonly string[] {
  if (machine !== 'kv') return []
  const { key, program } = body
  const own = typeof key === 'string' ? [key] : []
  const steps = stepsOf(body).flatMap(step => (typeof step['key'] === 'string' ? step['key'] : []))
  return [...own, ...steps, ...(typeof program === 'string' ? keysOfProgram(program) : [])]
}

function keysOfProgram(program: string): readonly string[] {
  try {
    return programKeys(program)
  } catch (error) {
    if (error instanceof Rejected) return []
    throw error
  }
}

/** Of a transaction; what is published is a record. */
function stepsOf(body: JsonObject, isPublish = false): readonly JsonObject[] {
  return [...listIn(body, 'then'), ...listIn(body, 'else')].flatMap(step => {
    const [name = '', inner] = Object.entries(step).find(([, value]) => isObject(value)) ?? []
    const op = typeof step['op'] === 'string' ? step['op'] : name
    if ((op === 'publish') !== isPublish) return []
    return [typeof step['op'] === 'string' ? step : (inner as JsonObject)]
  })
}

function recordsIn(machine: string, body: JsonObject): readonly TraceRecord[] {
  if (machine === 'kv') return [...stepsOf(body, true), ...copiedIn(body)].map(recordOf)
  if (machine !== 'feed') return []
  const { record } = body
  return [...(isObject(record) ? [record as JsonObject] : []), ...listIn(body, 'records')].map(
    recordOf,
  )
}

/** Of an import. */
function copiedIn(body: JsonObject): readonly JsonObject[] {
  return listIn(body, 'feeds').flatMap(({ key, value }) => {
    const [, feed, partition, offset] = COPIED.exec(String(key)) ?? []
    if (feed === undefined || !isObject(value)) return []
    return [{ ...value, feed, partition: Number(partition), offset: Number(offset) } as JsonObject]
  })
}

const COPIED = /^([^/]+)\/(\d+)\/(\d+)$/

/** Feeds that it names to publish to; undefined: it is for a machine of one's own, which may publish to any. */
export function feedsNamedBy({ operation }: Command): readonly string[] | undefined {
  const { machine, body } = bodyOf(operation)
  if (machine !== 'kv' && machine !== 'feed') return undefined
  return recordsIn(machine, body).map(({ feed }) => feed)
}

function recordOf(record: JsonObject): TraceRecord {
  const headers = isObject(record['headers']) ? (record['headers'] as JsonObject) : {}
  return traceRecord(record, {
    correlationId: headers['correlationId'],
    causationId: headers['causationId'],
  })
}

/** Of a record as it was given, or as it is stored. */
export function traceRecord(record: JsonObject, otherwise: JsonObject = {}): TraceRecord {
  const word = (name: string): string | undefined => {
    const value = record[name] ?? otherwise[name]
    return typeof value === 'string' ? value : undefined
  }
  const whole = (name: string): number | undefined => {
    const value = record[name]
    return typeof value === 'number' ? value : undefined
  }
  const all = {
    feed: word('feed') ?? '',
    partition: whole('partition'),
    offset: whole('offset'),
    key: word('key'),
    id: word('id'),
    correlationId: word('correlationId'),
    causationId: word('causationId'),
  }
  const there = Object.entries(all).filter(([, value]) => value !== undefined)
  return Object.fromEntries(there) as unknown as TraceRecord
}

function listIn(body: JsonObject, name: string): readonly JsonObject[] {
  const list: Json | undefined = body[name]
  return Array.isArray(list) ? (list.filter(isObject) as JsonObject[]) : []
}
