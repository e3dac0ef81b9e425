/** check: drives a live cluster, or reads what was recorded, and judges whether it kept its promises. */
import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { formatOp, parseHistory, type RecordedOp } from '../../check/history.ts'
import { chaosFaults } from '../check/chaos.ts'
import { leastOps, type Report, reportOf, tableOf, wholeOf } from '../check/report.ts'
import { run } from '../check/run.ts'
import { World } from '../check/world.ts'
import { discover } from '../cluster-nodes.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import type { Given } from '../given.ts'
import { readText } from '../input.ts'
import { renderTable } from '../table.ts'
import { UsageError } from '../usage-error.ts'

const DURATION_MS = 60_000
const CLIENTS = 16
const CLIENTS_MAX = 1_000
const PROGRESS_MS = 500

export const check: Run = async (context, _args, given) => {
  const file = given.text('history')
  const report = file === undefined ? await live(context, given) : await recorded(file)
  print(context, report)
  return report.verdict === 'ok' ? EXIT.ok : EXIT.verification
}

async function recorded(file: string): Promise<Report> {
  const text = await readText(file)
  let ops: readonly RecordedOp[]
  try {
    ops = parseHistory(text)
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`)
  }
  return reportOf(ops)
}

async function live(context: Context, given: Given): Promise<Report> {
  const durationMs = given.duration('duration') ?? DURATION_MS
  const clients = given.integer('clients', 1) ?? CLIENTS
  if (clients > CLIENTS_MAX) throw new UsageError(`--clients is at most ${CLIENTS_MAX}`)
  const opsMax = given.integer('ops', 1) ?? Number.POSITIVE_INFINITY
  const seed = given.integer('seed') ?? randomBytes(4).readUInt32LE()
  const nodes = await discover(context)
  const world = new World(context, nodes, { runId: randomBytes(4).toString('hex'), durationMs })
  const faults = given.flag('chaos')
    ? await chaosFaults(context, world, { seed, kill: given.flag('kill') === true })
    : undefined
  const names = world.nodes.map(({ name }) => name).join(', ')
  context.note(
    `checking ${names} with ${clients} clients for ${durationMs / 1000} s (seed ${seed})`,
  )
  const phase = progress(context, world)
  try {
    const keep = given.flag('keep') === true
    const options = { durationMs, opsMax, clients, seed, keep, faults, told: phase.told }
    const agreed = await run(world, options)
    phase.told('judging')
    const { lies, unread, ops } = world
    const least = given.integer('minOps') ?? leastOps(ops, { durationMs, clients, opsMax })
    const record = given.text('record')
    if (record !== undefined) await write(record, ops)
    const done = faults === undefined ? undefined : world.faults
    const report = reportOf(ops, { lies, unread, agreed, least, faults: done })
    phase.end()
    for (const note of world.notes) context.note(note)
    if (world.faults.size > 0) context.note(`faults: ${counted(world.faults)}`)
    if (world.errors.size > 0) context.note(`errors: ${counted(world.errors)}`)
    if (agreed.verdict === 'yes') context.note(`same state on all nodes: ${agreed.text}`)
    return report
  } finally {
    phase.end()
  }
}

function counted(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ')
}

/** On a terminal a line that stays in place. */
function progress(context: Context, world: World) {
  let phase = 'load'
  const show = (): void => {
    const known = world.ops.filter(({ status }) => status === 'ok').length
    const seconds = Math.floor(world.now() / 1000)
    context.terminal.progress(
      `${seconds} s  ${phase}  ${known} of ${world.ops.length} operations acknowledged`,
    )
  }
  const timer = context.quiet ? undefined : setInterval(show, PROGRESS_MS)
  return {
    told(next: string): void {
      phase = next
      context.detail(next)
    },
    end(): void {
      clearInterval(timer)
      if (!context.quiet) context.terminal.progress('')
    },
  }
}

async function write(file: string, ops: readonly RecordedOp[]): Promise<void> {
  const stream = createWriteStream(file)
  try {
    for (const op of ops) stream.write(`${formatOp(op)}\n`)
    stream.end()
    await finished(stream)
  } catch (error) {
    throw new Error(`the history cannot be written to ${file} (${(error as Error).message})`)
  }
}

const VERDICTS: Readonly<Record<Report['verdict'], string>> = {
  ok: 'ok: every answer fits one order of all operations',
  bad: 'bad: this cannot have been one machine that executes every command once',
  unknown: 'unknown: that is not ok',
  'too little': 'too little was done to say anything',
}

function print(context: Context, report: Report): void {
  const { terminal } = context
  const dim = (text: string): string => terminal.style(text, 'dim')
  context.output.print({
    whole: wholeOf(report),
    people: () =>
      [
        ...report.findings.map(finding => `${finding}\n`),
        renderTable(tableOf(report), terminal.columns, dim),
        '',
        terminal.style(VERDICTS[report.verdict], report.verdict === 'ok' ? 'green' : 'red', 'bold'),
      ].join('\n'),
    raw: () => [...report.findings, report.verdict].join('\n'),
  })
}
