/** The cluster as a table, and what changed between two looks at it as sentences. Pure. */
import type { Report, ShardRow } from './cluster-nodes.ts'
import type { Table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { printable } from './value.ts'

export function statusTable(reports: readonly Report[], terminal: Terminal): Table {
  const sharded = reports.some(({ answer }) => answer.ok && answer.shards.length > 1)
  const shardTitle = sharded ? ['SHARD'] : []
  const titles = [
    'NODE',
    ...shardTitle,
    'ROLE',
    'STATUS',
    'VIEW>',
    'OP>',
    'COMMIT>',
    'LAG>',
    'PRIMARY',
    'RPC',
  ]
  const rows = reports.flatMap(report => {
    const { answer, endpoint } = report
    const name = terminal.node(report.name)
    const tail = terminal.style(endpoint, 'dim')
    if (!answer.ok) {
      const blank = sharded ? [''] : []
      return [[name, ...blank, '', terminal.style(answer.why, 'red'), '', '', '', '', '', tail]]
    }
    return answer.shards.map(shard => [
      name,
      ...(sharded ? [shard.shard] : []),
      answer.role,
      shownStatus(shard, terminal),
      String(shard.view),
      String(shard.op),
      String(shard.commit),
      shownLag(shard, terminal),
      shownPrimary(shard, terminal),
      tail,
    ])
  })
  return { titles, rows }
}

function shownStatus(shard: ShardRow, terminal: Terminal): string {
  return terminal.style(shard.status, shard.status === 'normal' ? 'green' : 'yellow')
}

function shownLag(shard: ShardRow, terminal: Terminal): string {
  return shard.lag > 0 ? terminal.style(String(shard.lag), 'yellow') : String(shard.lag)
}

function shownPrimary(shard: ShardRow, terminal: Terminal): string {
  if (shard.isPrimary) return terminal.style('★', 'bold', 'yellow')
  return shard.primary === null ? terminal.style('none', 'yellow') : terminal.node(shard.primary)
}

/** What must not be forgotten below the table: disks that fill, faults put in on purpose. */
export function alarmLines(reports: readonly Report[], terminal: Terminal): readonly string[] {
  return reports.flatMap(({ name, status }) =>
    [status?.['alarms'] ?? []]
      .flat()
      .map(alarm => `${terminal.node(name)} ${terminal.style(printable(String(alarm)), 'red')}`),
  )
}

/** Sentences about what is new: nodes that came or went, views that changed, the primary's moves. */
export function differences(
  before: readonly Report[],
  now: readonly Report[],
  terminal: Terminal,
): readonly string[] {
  const old = new Map(before.map(report => [report.endpoint, report]))
  return now.flatMap(report => {
    const was = old.get(report.endpoint)
    return was === undefined ? [] : nodeDifferences(was, report, terminal)
  })
}

function nodeDifferences(was: Report, now: Report, terminal: Terminal): readonly string[] {
  const name = terminal.node(now.name)
  if (!now.answer.ok) {
    return was.answer.ok ? [`${name} ${terminal.style(`is ${now.answer.why}`, 'red')}`] : []
  }
  if (!was.answer.ok) return [`${name} ${terminal.style('is back', 'green')}`]
  const shards = new Map(was.answer.shards.map(shard => [shard.shard, shard]))
  return now.answer.shards.flatMap(shard => {
    const former = shards.get(shard.shard)
    return former === undefined ? [] : shardDifferences(name, former, shard, terminal)
  })
}

function shardDifferences(
  name: string,
  was: ShardRow,
  now: ShardRow,
  terminal: Terminal,
): readonly string[] {
  const said: string[] = []
  if (now.isPrimary && !was.isPrimary) {
    const star = terminal.style('★ is primary', 'bold', 'yellow')
    said.push(`${name} ${star} of ${now.shard} in view ${now.view}`)
  } else if (was.isPrimary && !now.isPrimary) {
    said.push(`${name} is primary of ${now.shard} no more, view ${was.view} → ${now.view}`)
  }
  if (now.status !== was.status && now.status !== 'normal') {
    said.push(`${name} ${terminal.style(now.status, 'yellow')} in ${now.shard}, view ${now.view}`)
  }
  return said
}
