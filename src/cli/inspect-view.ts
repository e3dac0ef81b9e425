/** What an inspection found, as text for people and as JSON. Pure. */
import type { JsonObject } from '../base/json.ts'
import type { Inspection, ShardInspection } from '../storage/inspect.ts'
import { renderTable } from './table.ts'
import { printable } from './value.ts'

export interface Found {
  readonly inspection: Inspection
  /** From the identity key, or why there is none. */
  readonly identity: { readonly peerId: string } | { readonly problem: string }
  readonly problems: readonly string[]
}

export function asJson({ inspection, identity, problems }: Found): JsonObject {
  const { path, state, markers, superblock, cluster, peersSeen, shards } = inspection
  const json = {
    ok: problems.length === 0,
    path,
    state,
    markers,
    identity,
    superblock: superblock ?? null,
    cluster: cluster ?? null,
    peersSeen: peersSeen ?? null,
    shards: shards.map(each => ({ name: nameOf(each.shard), ...each })),
    problems,
  }
  return JSON.parse(JSON.stringify(json)) as JsonObject
}

export const nameOf = (shard: number): string => (shard === 0 ? 'main' : `s${shard}`)

export function asText({ inspection, identity, problems }: Found): string {
  const { path, markers, superblock, cluster, peersSeen, shards } = inspection
  const facts: [string, string][] = [
    ['directory', path],
    ['identity', 'peerId' in identity ? identity.peerId : identity.problem],
  ]
  if (markers.length > 0) facts.push(['there too', markers.join(', ')])
  if (cluster !== undefined) {
    const { clusterId, foundingId, name, incarnation, members, restoredFrom } = cluster
    facts.push(
      ['node', `${name}, incarnation ${incarnation}`],
      ['cluster', `${clusterId}, founded as ${foundingId}`],
      ['members', members.map(each => `${each.name} ${each.addresses.join(' ')}`).join(', ')],
    )
    if (restoredFrom !== undefined) facts.push(['from snapshot', restoredFrom])
  }
  if (superblock !== undefined) facts.push(...superblockFacts(superblock))
  if (peersSeen !== undefined) facts.push(['peers', `${peersSeen} seen`])
  const lines = facts.map(([name, text]) => `${name.padEnd(14)}${printable(text)}`)
  for (const shard of shards) lines.push('', ...shardLines(shard))
  if (problems.length > 0) lines.push('', ...problems.map(problem => `PROBLEM  ${problem}`))
  return lines.join('\n')
}

function superblockFacts(superblock: NonNullable<Inspection['superblock']>): [string, string][] {
  const { copies, sequence, bootCounter, closedInOrder } = superblock
  const shown = copies.map(({ state, sequence: of }) =>
    state === 'lagging' ? `lagging (${of})` : state === 'counts' ? 'whole' : state,
  )
  const facts: [string, string][] = [['superblock', `copies: ${shown.join(', ')}`]]
  if (sequence !== undefined) {
    const closed = closedInOrder === true ? 'closed in order' : 'not closed in order'
    facts.push(['', `sequence ${sequence}, ${bootCounter} starts, ${closed}`])
  }
  return facts
}

function shardLines({ shard, image, witness, tables, state }: ShardInspection): string[] {
  const lines = [`shard ${nameOf(shard)}`]
  if (image !== undefined) {
    const { vsr, checkpoint, first, head, damage } = image
    const left = vsr.lastNormalView < vsr.viewNumber ? `, last normal ${vsr.lastNormalView}` : ''
    const mode = vsr.recovering ? ', recovering: votes for nothing yet' : ''
    lines.push(
      `  view        ${vsr.viewNumber}${left}, epoch ${vsr.epochNumber}${mode}`,
      `  log         ${first > head ? `empty, behind op ${head}` : `ops ${first} to ${head}`}, ${damage ? 'damaged' : 'chain whole'}`,
      `  checkpoint  op ${checkpoint.opNumber}, rev ${checkpoint.rev}, state ${checkpoint.stateHash || 'none'}`,
    )
  }
  if (witness !== undefined) lines.push(`  witness     op ${witness.opNumber}`)
  if (state !== undefined && image !== undefined && image.checkpoint.opNumber > 0) {
    lines.push(
      `  verified    ${state.records} records and ${state.sessions} sessions hash to the checkpoint; kv.hash there: ${state.hash}`,
    )
  }
  const rows = tables.map(({ table, holds, count, bytes }) => [
    `  ${table}`,
    holds,
    String(count),
    String(bytes),
  ])
  const table = { titles: ['  TABLE', 'HOLDS', 'KEYS>', 'BYTES>'], rows }
  return [...lines, ...renderTable(table, 200, text => text).split('\n')]
}
