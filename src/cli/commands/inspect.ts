/** inspect: a data directory or a snapshot, looked at without a daemon. Changes nothing. */
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { useSha256 } from '../../base/hash.ts'
import type { Json, JsonObject } from '../../base/json.ts'
import { readPeerId } from '../../network/identity.ts'
import { commandsOf } from '../../node/log-view.ts'
import type { ShardView } from '../../storage/inspect.ts'
import { inspectStore } from '../../storage/inspect.ts'
import type { ClusterRecord } from '../../storage/port.ts'
import { verifySnapshot } from '../../storage/snapshot-reader.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import type { Given } from '../given.ts'
import { keysOf } from '../inspect-keys.ts'
import { asJson, asText, type Found } from '../inspect-view.ts'
import { UsageError } from '../usage-error.ts'
import { printable, showValue } from '../value.ts'
import { entriesTable } from './log.ts'
import { describe, factsOf } from './snapshot.ts'

// Every entry is hashed: in native code that is ten times as fast.
useSha256(bytes => createHash('sha256').update(bytes).digest('hex'))

const KEYS_MAX = 1_000
const ENTRIES_MAX = 1_000

export const inspect: Run = async (context, [name = ''], given) => {
  const path = resolve(name)
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} cannot be looked at (${error.code})`)
  })
  return found.isFile() ? inspectFile(context, path) : inspectDirectory(context, path, given)
}

async function inspectFile(context: Context, path: string): Promise<number> {
  const report = await verifySnapshot(path)
  context.output.print({
    whole: { ok: true, kind: 'snapshot', ...factsOf(report) },
    people: () => `${path} is a snapshot, and whole\n${describe(report)}`,
  })
  return EXIT.ok
}

async function inspectDirectory(context: Context, dir: string, given: Given): Promise<number> {
  const wish = wishOf(given)
  const read: Reading = { entries: [], keys: undefined }
  const inspection = await inspectStore(dir, {
    verify: given.flag('verify') === true,
    read:
      wish.log === undefined && wish.prefix === undefined
        ? undefined
        : { shard: shardOf(given), use: (view, cluster) => fill(read, view, cluster, wish) },
  })
  const identity = await readPeerId(join(dir, 'identity.key')).then(
    peerId => ({ peerId }),
    (error: unknown) => ({ problem: error instanceof Error ? error.message : String(error) }),
  )
  if (inspection.state === 'none' && 'problem' in identity) {
    throw new UsageError(
      `${dir} is not the data directory of a node: name one, such as n1 of what init made, or a snapshot`,
    )
  }
  const found: Found = { inspection, identity, problems: problemsOf(inspection, identity) }
  const entries = read.entries as Json[]
  context.output.print({
    whole: {
      ...asJson(found),
      ...(wish.log === undefined ? {} : { entries }),
      ...(read.keys === undefined ? {} : { keys: read.keys }),
    },
    people: () => [asText(found), ...readText(read, wish)].join('\n'),
  })
  return found.problems.length === 0 ? EXIT.ok : EXIT.verification
}

interface Wish {
  readonly log: { readonly first: number; readonly last: number } | undefined
  readonly prefix: string | undefined
}

interface Reading {
  readonly entries: JsonObject[]
  keys: { readonly op: number; readonly kvs: JsonObject[]; readonly more: boolean } | undefined
}

function wishOf(given: Given): Wish {
  const text = given.text('log')
  const prefix = given.text('keys')
  if (text === undefined) return { log: undefined, prefix }
  const [, from, to] = /^(\d+)(?:\.\.(\d+))?$/.exec(text) ?? []
  if (from === undefined) {
    throw new UsageError(`${given.where('log')} must be an op, or two as in 17..30, not '${text}'`)
  }
  const first = Number(from)
  return { log: { first, last: Math.min(Number(to ?? from), first + ENTRIES_MAX - 1) }, prefix }
}

function shardOf(given: Given): number {
  const name = given.text('shard') ?? 'main'
  const number = name === 'main' ? 0 : Number(/^s(\d+)$/.exec(name)?.[1])
  if (Number.isInteger(number)) return number
  throw new UsageError(`${given.where('shard')} must be main, s1, s2 …, not '${name}'`)
}

async function fill(
  read: Reading,
  view: ShardView,
  cluster: ClusterRecord,
  { log, prefix }: Wish,
): Promise<void> {
  if (log !== undefined) {
    for await (const entries of view.entries(log.first, log.last)) {
      for (const entry of entries) {
        const { opNumber: op, viewNumber, timeMs, checksum, parent } = entry
        const commands = commandsOf(entry)
        read.entries.push({ op, view: viewNumber, timeMs, checksum, parent, commands })
      }
    }
  }
  if (prefix === undefined) return
  const { op, kvs, more } = await keysOf(view, cluster, { prefix, limit: KEYS_MAX })
  read.keys = { op, kvs: [...kvs], more }
}

function problemsOf(
  inspection: Found['inspection'],
  identity: Found['identity'],
): readonly string[] {
  const { problems, cluster, path } = inspection
  if ('problem' in identity) return [...problems, identity.problem]
  if (cluster === undefined || cluster.peerId === identity.peerId) return problems
  return [
    ...problems,
    `The data in ${path} belongs to peer ${cluster.peerId}, and identity.key is that of ${identity.peerId}: put the right key back.`,
  ]
}

function readText({ entries, keys }: Reading, { log }: Wish): string[] {
  const lines: string[] = []
  if (log !== undefined) {
    const none = `no entry from ${log.first} to ${log.last} is in the log`
    const table = entriesTable(entries, 'commands')
    const rows = table.rows.map(row => row.join('  '))
    lines.push('', ...(rows.length === 0 ? [none] : rows))
  }
  if (keys !== undefined) {
    lines.push('', `as of op ${keys.op}, the last known here to be committed:`)
    for (const { key, value, rev } of keys.kvs) {
      lines.push(
        `  ${printable(String(key))} = ${printable(showValue(value ?? null))}  (rev ${rev})`,
      )
    }
    if (keys.more) lines.push(`  … more than ${KEYS_MAX}: give a longer prefix`)
  }
  return lines
}
