/** check: drives a live cluster, or reads what was recorded, and judges whether it kept its promises. */
import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { formatFact, isFeedHistory, parseFacts } from '../../check/feed-text.ts'
import { formatOp, parseHistory, type RecordedOp } from '../../check/history.ts'
import { chaosFaults } from '../check/chaos.ts'
import { FeedLoad, runFeed } from '../check/feed-load.ts'
import { feedReport, loadOf, statusOf } from '../check/feed-report.ts'
import { leastOps, type Report, reportOf, type Shown, shownOf } from '../check/report.ts'
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

type Done = Pick<RecordedOp, 'status' | 'returned'>

/** What clients do: with keys of all kinds, or with a feed. */
const WORKLOADS = ['keys', 'feed'] as const

export const check: Run = async (context, _args, given) => {
  const file = given.text('history')
  const shown = file === undefined ? await live(context, given) : await recorded(file)
  print(context, shown)
  return shown.verdict === 'ok' ? EXIT.ok : EXIT.verification
}

async function recorded(file: string): Promise<Shown> {
  const text = await readText(file)
  try {
    return isFeedHistory(text)
      ? feedReport(parseFacts(text))
      : shownOf(reportOf(parseHistory(text)))
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`)
  }
}

async function live(context: Context, given: Given): Promise<Shown> {
  const durationMs = given.duration('duration') ?? DURATION_MS
  const clients = given.integer('clients', 1) ?? CLIENTS
  if (clients > CLIENTS_MAX) throw new UsageError(`--clients is at most ${CLIENTS_MAX}`)
  const opsMax = given.integer('ops', 1) ?? Number.POSITIVE_INFINITY
  const seed = given.integer('seed') ?? randomBytes(4).readUInt32LE()
  const workload = given.choice('workload', WORKLOADS) ?? 'keys'
  const nodes = await discover(context)
  const runId = randomBytes(4).toString('hex')
  const world = new World(context, nodes, { runId, durationMs })
  const feed = workload === 'feed' ? new FeedLoad(world, runId) : undefined
  const faults = given.flag('chaos')
    ? await chaosFaults(context, world, { seed, kill: given.flag('kill') === true })
    : undefined
  const names = world.nodes.map(({ name }) => name).join(', ')
  const what = feed ? `the feed ${feed.feed} at ${names}` : names
  context.note(`checking ${what} with ${clients} clients for ${durationMs / 1000} s (seed ${seed})`)
  const asked = (): readonly Done[] =>
    feed
      ? loadOf(feed.facts).map(fact => ({ status: statusOf(fact), returned: fact.returned }))
      : world.ops
  const phase = progress(context, world, asked)
  try {
    const keep = given.flag('keep') === true
    const options = { durationMs, opsMax, clients, seed, keep, faults, told: phase.told }
    const agreed = feed ? await runFeed(feed, options) : await run(world, options)
    phase.told('judging')
    const { lies, unread } = world
    const least = given.integer('minOps') ?? leastOps(asked(), { durationMs, clients, opsMax })
    const record = given.text('record')
    if (record !== undefined) {
      await write(record, feed ? feed.facts.map(formatFact) : world.ops.map(formatOp))
    }
    const done = faults === undefined ? undefined : world.faults
    const circumstances = { lies, unread, agreed, least, faults: done }
    const shown = feed
      ? feedReport(feed.facts, circumstances)
      : shownOf(reportOf(world.ops, circumstances))
    phase.end()
    for (const note of world.notes) context.note(note)
    if (world.faults.size > 0) context.note(`faults: ${counted(world.faults)}`)
    if (world.errors.size > 0) context.note(`errors: ${counted(world.errors)}`)
    if (agreed.verdict === 'yes') context.note(`same state on all nodes: ${agreed.text}`)
    return shown
  } finally {
    phase.end()
  }
}

function counted(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ')
}

/** On a terminal a line that stays in place. */
function progress(context: Context, world: World, asked: () => readonly Done[]) {
  let phase = 'load'
  const show = (): void => {
    const ops = asked()
    const known = ops.filter(({ status }) => status === 'ok').length
    const seconds = Math.floor(world.now() / 1000)
    context.terminal.progress(
      `${seconds} s  ${phase}  ${known} of ${ops.length} operations acknowledged`,
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

async function write(file: string, lines: readonly string[]): Promise<void> {
  const stream = createWriteStream(file)
  try {
    for (const line of lines) stream.write(`${line}\n`)
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

function print(context: Context, { verdict, findings, table, whole }: Shown): void {
  const { terminal } = context
  const dim = (text: string): string => terminal.style(text, 'dim')
  context.output.print({
    whole,
    people: () =>
      [
        ...findings.map(finding => `${finding}\n`),
        renderTable(table, terminal.columns, dim),
        '',
        terminal.style(VERDICTS[verdict], verdict === 'ok' ? 'green' : 'red', 'bold'),
      ].join('\n'),
    raw: () => [...findings, verdict].join('\n'),
  })
}
