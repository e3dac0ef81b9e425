/** log info, read, show, verify: the array of records that everything follows from. */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import { discover, objects } from '../cluster-nodes.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import type { Given } from '../given.ts'
import type { Table } from '../table.ts'
import { UsageError } from '../usage-error.ts'
import { printable, showValue } from '../value.ts'
import { clock } from './status.ts'

const AS = ['commands', 'changes', 'both'] as const

export const info: Run = async (context, _args, given) => {
  const answer = await context.client().call('log.info', shardOf(given))
  const { first, op, commit, checkpoint } = answer
  context.output.print({
    whole: answer,
    people: () => ({
      titles: ['FIRST>', 'OP>', 'COMMIT>', 'CHECKPOINT>'],
      rows: [[first, op, commit, checkpoint].map(String)],
    }),
  })
  return EXIT.ok
}

export const read: Run = async (context, _args, given) => {
  const as = given.choice('as', AS) ?? 'commands'
  const { isLines, format } = context.output
  const limit = given.integer('limit', 0) ?? (isLines ? 0 : LIMIT)
  const from = await firstOf(context, given, limit)
  if (limit === 0 && format !== 'json') await readAll(context, { from, as }, given)
  else await readPage(context, { from, limit: limit || PAGE, as }, given)
  return EXIT.ok
}

/** On a terminal; where lines go to another program it gets all of them. */
const LIMIT = 100
const PAGE = 1_000

/** Up to what is committed now, page by page. */
async function readAll(
  context: Context,
  { from, as }: Pick<Page, 'from' | 'as'>,
  given: Given,
): Promise<void> {
  const { commit } = await context.client().call('log.info', shardOf(given))
  for (let next = from; next <= commit; ) {
    const limit = Math.min(PAGE, commit - next + 1)
    const last = await readPage(context, { from: next, limit, as }, given)
    if (last === undefined) return
    next = last + 1
  }
}

interface Page {
  readonly from: number
  readonly limit: number
  readonly as: (typeof AS)[number]
}

/** Prints one, and gives its last op; undefined: it is empty. */
async function readPage(context: Context, page: Page, given: Given): Promise<number | undefined> {
  const answer = await context.client().call('log.read', { ...page, ...shardOf(given) })
  const entries = objects(answer['entries'])
  context.output.print({
    whole: answer,
    items: entries,
    // In a pipe it is lines of JSON: kv import wants to know more than x=1.
    ...(context.output.format === 'raw' &&
      page.as === 'changes' && { raw: () => entries.flatMap(changesOf).join('\n') }),
    people: () => entriesTable(entries, page.as),
  })
  const last = entries.at(-1)
  return last && Number(last['op'])
}

/** `--from 17`, or `--from -10` for the last ten. */
async function firstOf(context: Context, given: Given, limit: number): Promise<number> {
  const text = given.text('from')
  if (text !== undefined && !/^-?\d+$/.test(text)) {
    throw new UsageError(
      `${given.where('from')} must be an op, or -10 for the last ten, not '${text}'`,
    )
  }
  const from = text === undefined ? undefined : Number(text)
  if (from !== undefined && from >= 0) return from
  const { first, commit } = await context.client().call('log.info', shardOf(given))
  if (from === undefined) return Number(first)
  return Math.max(Number(first), Number(commit) + 1 + (limit === 0 ? from : Math.max(from, -limit)))
}

export function entriesTable(entries: readonly JsonObject[], as: (typeof AS)[number]): Table {
  const commands = as === 'changes' ? [] : ['COMMANDS']
  const changes = as === 'commands' ? [] : ['CHANGES']
  return {
    titles: ['OP>', 'VIEW>', 'TIME', ...commands, ...changes],
    rows: entries.map(entry => [
      String(entry['op']),
      String(entry['view']),
      typeof entry['timeMs'] === 'number' ? clock(entry['timeMs']) : '',
      ...(as === 'changes' ? [] : [printable(commandsOf(entry).join('; '))]),
      ...(as === 'commands' ? [] : [printable(changesOf(entry).join(', '))]),
    ]),
  }
}

function commandsOf(entry: JsonObject): readonly string[] {
  return objects(entry['commands']).map(each => {
    const { kind, machine, command, session } = each
    if (kind === 'operation') return `${machine} ${operation(command ?? null)}`
    return typeof session === 'string' ? `${kind} session ${session}` : JSON.stringify(each)
  })
}

/** `put x 1` for {"op":"put","key":"x","value":1}; JSON for what has no op. */
function operation(command: Json): string {
  if (!isObject(command) || typeof command['op'] !== 'string') return showValue(command)
  const { op, key, program, value, ...rest } = command as JsonObject
  const words = [op, key, program, value].filter(word => word !== undefined).map(showValue)
  const more = Object.keys(rest).length === 0 ? [] : [JSON.stringify(rest)]
  return [...words, ...more].join(' ')
}

/** x=1, and «x gone» for what was deleted. */
function changesOf(entry: JsonObject): readonly string[] {
  return objects(entry['changes']).map(change => {
    const { key, value } = change
    return value === undefined ? `${key} gone` : `${key}=${showValue(value)}`
  })
}

export const show: Run = async (context, [op = ''], given) => {
  if (!/^\d+$/.test(op)) throw new UsageError(`OP must be a number, not '${op}'`)
  const answer = await context.client().call('log.get', { op: Number(op), ...shardOf(given) })
  const entry = isObject(answer['entry']) ? (answer['entry'] as JsonObject) : undefined
  if (entry === undefined) {
    context.note(`op ${op} is not in the log of this node; see viewstamp log info`)
    return EXIT.notFound
  }
  if (given.flag('timeline')) return showTimeline(context, Number(op), given)
  context.output.print({
    whole: answer,
    items: [entry as Json],
    people: () =>
      Object.entries(entry)
        .map(([name, value]) => `${name.padEnd(10)} ${printable(showValue(value as Json))}`)
        .join('\n'),
  })
  return EXIT.ok
}

/** What each node knows of the op, one under the other; clocks are not the same, and not made to look so. */
async function showTimeline(context: Context, op: number, given: Given): Promise<number> {
  const nodes = await discover(context)
  const asked = nodes.map(({ endpoint }) =>
    context
      .client([endpoint])
      .call('log.get', { op, ...shardOf(given) }, { timeoutMs: 2_000 })
      .then(answer => objects(answer['timeline']))
      .catch((error: unknown) => {
        context.note(`${endpoint}: ${error instanceof Error ? error.message : error}`)
        return []
      }),
  )
  const moments = (await Promise.all(asked)).flat()
  moments.sort((a, b) => Number(a['atMs']) - Number(b['atMs']))
  context.output.print({
    whole: { op, timeline: moments },
    items: moments,
    people: () => timelineTable(moments),
  })
  if (moments.length === 0) context.note(`no node remembers op ${op}: the last thousand are kept`)
  else context.note('each time is by the clock of the node in its row')
  return moments.length === 0 ? EXIT.notFound : EXIT.ok
}

function timelineTable(moments: readonly JsonObject[]): Table {
  const start = Number(moments[0]?.['atMs'] ?? 0)
  return {
    titles: ['TIME', 'MS>', 'NODE', 'EVENT'],
    rows: moments.map(({ node, event, by, atMs }) => [
      clock(Number(atMs)),
      (Number(atMs) - start).toFixed(2),
      String(node),
      by === undefined ? String(event) : `${event} by ${by}`,
    ]),
  }
}

const WALK_MS = 300_000

export const verify: Run = async (context, _args, given) => {
  const all = given.flag('all') === true
  const timeoutMs = context.timeoutMs ?? WALK_MS
  const params = { allReplicas: all, ...shardOf(given) }
  const answer = await context.client().call('log.verify', params, { timeoutMs })
  const missing = textsOf(answer['missing'])
  context.output.print({
    whole: answer,
    people: () => (answer['ok'] === true ? whole(answer, all, missing) : difference(answer)),
  })
  if (answer['ok'] !== true) return EXIT.verification
  if (missing.length === 0) return EXIT.ok
  context.note(`${missing.join(', ')} did not answer: start it, and verify again`)
  return EXIT.notReady
}

function whole({ head, hash }: JsonObject, all: boolean, missing: readonly string[]): string {
  if (!all) return `the log of this node is whole: up to op ${head}, hash ${hash}`
  const who = missing.length === 0 ? 'all replicas' : 'the replicas that answered'
  return `${who} hold the same log: up to op ${head}, hash ${hash}`
}

function difference(answer: JsonObject): string {
  const { firstBad, what, odd, why } = answer
  const lines = objects(answer['replicas']).flatMap(each =>
    each['ok'] === true ? [] : [`${each['node']}: ${each['why']}`],
  )
  const names = textsOf(odd).join(', ')
  const sentence =
    what === undefined
      ? `the log of ${names || String(answer['node'])} is NOT whole: the first bad op is ${firstBad}`
      : `NOT the same: the ${what} of ${names} differs, first at op ${firstBad}`
  return [sentence, ...(lines.length > 0 ? lines : why === undefined ? [] : [String(why)])]
    .map(printable)
    .join('\n')
}

function textsOf(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function shardOf(given: Given): JsonObject {
  const shard = given.text('shard')
  return shard === undefined ? {} : { meta: { shard } }
}
