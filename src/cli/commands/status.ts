/** status: one line per node and shard; with --watch a screen that follows the cluster. */
import type { Json } from '../../base/json.ts'
import { pause } from '../../client/pause.ts'
import { ask, discover, type KnownNode, type Report } from '../cluster-nodes.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { alarmLines, differences, statusTable } from '../status-view.ts'
import { renderTable } from '../table.ts'

const INTERVAL_MS = 250
const NEWS_LINES = 8
/** Ticks between two looks at who is a member. */
const DISCOVER_EVERY = 20

export const status: Run = async (context, _args, given) => {
  if (given.flag('watch')) return watchStatus(context, given.duration('interval') ?? INTERVAL_MS)
  const nodes = given.flag('all') ? await discover(context) : givenNodes(context)
  const reports = await ask(context, nodes)
  print(context, reports)
  return exitCode(reports)
}

function givenNodes(context: Context): readonly KnownNode[] {
  return context.endpoints.map(endpoint => ({ name: undefined, endpoint }))
}

function print(context: Context, reports: readonly Report[]): void {
  context.output.print({
    whole: reports.map(whole),
    items: reports.flatMap(flat),
    people: () => statusTable(reports, context.terminal),
  })
  for (const line of alarmLines(reports, context.terminal)) context.note(line)
}

function exitCode(reports: readonly Report[]): number {
  const answers = reports.map(report => report.answer)
  if (answers.some(answer => answer.ok)) return EXIT.ok
  const silent = answers.every(answer => !answer.ok && answer.unreachable)
  return silent ? EXIT.unreachable : EXIT.notReady
}

function whole(report: Report): Json {
  const { name, endpoint, answer } = report
  return { endpoint, ...(answer.ok ? report.status : { name, status: answer.why }) }
}

/** One object per node and shard, for pipes. */
function flat(report: Report): Json[] {
  const { name, endpoint, answer } = report
  if (!answer.ok) return [{ name, endpoint, status: answer.why }]
  return answer.shards.map(shard => ({ name, endpoint, role: answer.role, ...shard }))
}

/** Ends with Ctrl-C. On a terminal the table stays in place; in a pipe each change is a line. */
async function watchStatus(context: Context, intervalMs: number): Promise<number> {
  const { terminal } = context
  let nodes: readonly KnownNode[] = givenNodes(context)
  let before: readonly Report[] = []
  let news: readonly string[] = []
  for (let tick = 0; ; tick++) {
    if (tick % DISCOVER_EVERY === 0) nodes = await discover(context).catch(() => nodes)
    const now = await ask(context, nodes)
    const changes = differences(before, now, terminal)
    if (terminal.isTty && context.output.format === undefined) {
      news = [...news, ...changes.map(change => `${clock()}  ${change}`)].slice(-NEWS_LINES)
      terminal.data(screen(context, now, news))
    } else if (changes.length > 0 || tick === 0) print(context, now)
    before = now
    await pause(intervalMs)
  }
}

/** Home, every line cleared as it is written, the rest of the screen cleared: no flicker. */
function screen(context: Context, reports: readonly Report[], news: readonly string[]): string {
  const { terminal } = context
  const dim = (text: string): string => terminal.style(text, 'dim')
  const table = renderTable(statusTable(reports, terminal), terminal.columns, dim)
  const alarms = alarmLines(reports, terminal)
  const lines = [...table.split('\n'), ...alarms, '', ...news, '', dim('Ctrl-C ends')]
  return `\u001b[H${lines.map(line => `${line}\u001b[K`).join('\n')}\n\u001b[J`
}

export function clock(ms = Date.now()): string {
  const at = new Date(ms)
  const two = (n: number, width = 2): string => String(n).padStart(width, '0')
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(n => two(n)).join(':')
  return `${time}.${two(at.getMilliseconds(), 3)}`
}
