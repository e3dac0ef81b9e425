/** snapshot save, ls, verify: the whole state of a cluster in one file. */
import { access } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { JsonObject } from '../../base/json.ts'
import { normalEndpoint } from '../../client/endpoints.ts'
import { ViewstampError } from '../../client/error.ts'
import { type SnapshotReport, verifySnapshot } from '../../storage/snapshot-reader.ts'
import { objects } from '../cluster-nodes.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { download } from '../download.ts'
import { EXIT } from '../exit-code.ts'
import { UsageError } from '../usage-error.ts'

/** Writing it takes as long as the state is large. */
const CREATE_MS = 600_000
const STALLED_MS = 30_000

export const save: Run = async (context, [name = ''], given) => {
  const file = resolve(name)
  const isThere = await access(file).then(
    () => true,
    () => false,
  )
  if (isThere && given.flag('force') !== true) {
    throw new UsageError(`${file} is there already: name another file, or say --force`)
  }
  const consistency = given.choice('consistency', ['linearizable', 'local'] as const)
  const { endpoint, made } = await create(context, consistency)
  const url = `${endpoint}/snapshots/${made['snapshot']}`
  await download(context, { url, file, stalledMs: STALLED_MS }, async path => {
    const { hash } = await verifySnapshot(path)
    if (hash !== made['hash'])
      throw new Error(`${url} gives another file than was made: run it again`)
  })
  context.output.print({
    whole: { ...made, file },
    raw: () => file,
    people: () => `${file}: ${made['bytes']} bytes, the state at op ${made['op']}, ${made['hash']}`,
  })
  return EXIT.ok
}

/** At the first endpoint that answers: what it made is fetched from the same one. */
async function create(
  context: Context,
  consistency: 'linearizable' | 'local' | undefined,
): Promise<{ readonly endpoint: string; readonly made: JsonObject }> {
  const timeoutMs = context.timeoutMs ?? CREATE_MS
  const meta = { timeoutMs: Math.min(timeoutMs, STALLED_MS), ...(consistency && { consistency }) }
  const endpoints = context.endpoints.map(normalEndpoint)
  for (const [i, endpoint] of endpoints.entries()) {
    try {
      const made = await context.client([endpoint]).call('snapshot.create', { meta }, { timeoutMs })
      return { endpoint, made }
    } catch (error) {
      const isDown = error instanceof ViewstampError && error.name === 'UNREACHABLE'
      if (!isDown || i === endpoints.length - 1) throw error
    }
  }
  throw new UsageError('no endpoint is given')
}

export const list: Run = async context => {
  const answer = await context.client().call('snapshot.list')
  const kept = objects(answer['snapshots'])
  context.output.print({
    whole: answer,
    items: kept,
    people: () => ({
      titles: ['SNAPSHOT', 'OP>', 'BYTES>', 'MADE', 'HASH'],
      rows: kept.map(({ snapshot, op, bytes, createdMs, hash }) => [
        String(snapshot),
        String(op),
        String(bytes),
        new Date(Number(createdMs)).toISOString(),
        String(hash),
      ]),
    }),
  })
  return EXIT.ok
}

export const verify: Run = async (context, [file = '']) => {
  const report = await verifySnapshot(resolve(file))
  context.output.print({
    whole: { ok: true, ...factsOf(report) },
    people: () => `${basename(file)} is whole\n${describe(report)}`,
  })
  return EXIT.ok
}

export function factsOf({ manifest, totals, bytes, hash }: SnapshotReport): JsonObject {
  const { cluster, founding, epoch, node, version, createdMs } = manifest
  return {
    cluster,
    founding,
    epoch,
    node,
    version,
    createdMs,
    members: manifest.members.map(({ name, peerId }) => ({ name, peerId })),
    machines: manifest.machines.map(each => ({ name: each.name, version: each.version })),
    shards: manifest.shards.map((each, i) => ({ ...each, records: totals.records[i] ?? 0 })),
    chunks: totals.chunks,
    bytes,
    hash,
  }
}

/** For people, one fact a line. */
export function describe({ manifest, totals, bytes, hash }: SnapshotReport): string {
  const { cluster, node, version, createdMs, machines, members, shards } = manifest
  return [
    `  of cluster    ${cluster} (${members.map(({ name }) => name).join(', ')})`,
    `  made          ${new Date(createdMs).toISOString()} by ${node}, release ${version}`,
    `  machines      ${machines.map(each => `${each.name} ${each.version}`).join(', ')}`,
    ...shards.map(
      each =>
        `  shard ${each.name.padEnd(7)} op ${each.op}, rev ${each.rev}, view ${each.view}, ${totals.records[each.shard]} records, state ${each.stateHash}`,
    ),
    `  size          ${bytes} bytes in ${totals.chunks} chunks`,
    `  hash          ${hash}`,
  ].join('\n')
}
