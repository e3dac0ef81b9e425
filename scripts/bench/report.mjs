/** Figures as text: medians over rounds, in a table that reads well in a terminal and in Markdown. */
import { median } from './processes.mjs'

const names = {
  'put http': 'put, one HTTP call each',
  'batch http': 'put, HTTP batches of 64',
  'put ws': 'put, one WebSocket, pipelined',
  'put sdk': 'put, through viewstamp/client',
  'get http': 'linearizable get, HTTP',
  'local http': 'local get, HTTP',
  'get ws': 'linearizable get, WebSocket',
  'local ws': 'local get, WebSocket',
  'publish http': 'publish, one HTTP call each',
  'publish ws': 'publish, one WebSocket, pipelined',
  'publish sdk': 'publish, through viewstamp/client',
  'publish-batch http': 'publishBatch of 64, HTTP',
}

const writes = new Set(['put', 'batch', 'publish', 'publish-batch'])
/** What else than single calls over the same path it is like; nothing echoes a batch within one call. */
const echoes = { batch: 'batch', 'publish-batch': 'none' }

/** One row for each kind of load, with the median of its samples in every figure. */
export function summarise(samples) {
  const groups = new Map()
  for (const sample of samples)
    groups.set(key(sample), [...(groups.get(key(sample)) ?? []), sample])
  return [...groups.values()].map(group => {
    const of = name => median(group.map(sample => sample[name] ?? Number.NaN))
    const { path, op, inFlight } = group[0]
    return {
      path,
      op,
      inFlight,
      samples: group.length,
      perSecond: of('perSecond'),
      lowest: Math.min(...group.map(sample => sample.perSecond)),
      highest: Math.max(...group.map(sample => sample.perSecond)),
      p50Ms: of('p50Ms'),
      p99Ms: of('p99Ms'),
      maxMs: Math.max(...group.map(sample => sample.maxMs)),
      errors: group.reduce((sum, sample) => sum + sample.errors, 0),
      firstError: group.find(sample => sample.firstError !== undefined)?.firstError,
      cpuPer10k: median(group.map(s => (s.serverCores * s.secs * 1e4) / s.operations)),
      generatorCores: of('generatorCores'),
      foreignCores: median(group.map(s => s.busyCores - s.serverCores - s.generatorCores)),
    }
  })
}

function key({ path, op, inFlight }) {
  return `${op} ${path} ${inFlight}`
}

/** `limits`: syncs per second and echoes per second of the same run. */
export function loadTable(rows, limits) {
  const head = 'work|in flight|per s|p50 ms|p99 ms|max ms|errors|of echo|per fdatasync|CPU s/10k|'
  const lines = rows.map(row => {
    const echo = limits?.echo[echoes[row.op] ?? row.path]?.perSecond
    const syncs = writes.has(row.op) ? limits?.syncs?.perSecond : undefined
    return [
      names[`${row.op} ${row.path}`],
      row.inFlight,
      whole(row.perSecond),
      decimal(row.p50Ms),
      decimal(row.p99Ms),
      decimal(row.maxMs),
      row.errors,
      echo === undefined ? '' : `${whole((100 * row.perSecond) / echo)} %`,
      syncs === undefined ? '' : `× ${decimal(row.perSecond / syncs)}`,
      decimal(row.cpuPer10k),
      row.foreignCores > 0.3 ? `disturbed: ${decimal(row.foreignCores)} cores elsewhere` : '',
    ]
  })
  return table(head.split('|'), lines)
}

export function table(head, rows) {
  const cells = [head, ...rows].map(row => row.map(String))
  const widths = head.map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0)))
  const line = row =>
    `| ${widths.map((w, i) => (i === 0 ? (row[i] ?? '').padEnd(w) : (row[i] ?? '').padStart(w))).join(' | ')} |`
  const rule = `|${widths.map((w, i) => (i === 0 ? '-'.repeat(w + 2) : `${'-'.repeat(w + 1)}:`)).join('|')}|`
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join('\n')
}

export function whole(n) {
  return Number.isFinite(n) ? String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ' ') : '–'
}

export function decimal(n) {
  if (!Number.isFinite(n)) return '–'
  return n < 10 ? n.toFixed(2) : n < 100 ? n.toFixed(1) : n.toFixed(0)
}

/** "median (lowest–highest) unit, n times". */
export function spread(values, unit) {
  if (values.length === 0) return 'not measured'
  const sorted = [...values].sort((a, b) => a - b)
  const range =
    values.length > 1
      ? ` (${whole(sorted[0])}–${whole(sorted.at(-1))}, ${values.length} times)`
      : ''
  return `${whole(median(values))} ${unit}${range}`
}
