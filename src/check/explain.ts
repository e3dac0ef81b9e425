/** Operations as lines for people: who, when, what, and a bar of time. */
import type { Json } from '../base/json.ts'
import type { RecordedOp } from './history.ts'
import type { Problem } from './judge.ts'

const BAR = 24
/** Of one problem; the smallest part of a search is far below. */
const LINES_MAX = 60
const TEXT_MAX = 60

export function explain({ workload, key, what, ops }: Problem): string {
  const where = key === undefined ? workload : `${workload} ${key}`
  const sorted = [...ops].sort((a, b) => a.called - b.called)
  const lines = sorted.slice(0, LINES_MAX).map(line(sorted))
  const more = sorted.length - lines.length
  return [`${where}: ${what}`, ...lines, ...(more > 0 ? [`  … and ${more} more`] : [])].join('\n')
}

function line(all: readonly RecordedOp[]): (op: RecordedOp) => string {
  const whats = all.map(whatOf)
  const width = Math.max(...whats.map(text => text.length))
  const start = Math.min(...all.map(op => op.called))
  const end = Math.max(...all.map(op => op.returned ?? op.called))
  const place = (time: number): number =>
    end === start ? 0 : Math.round(((time - start) / (end - start)) * (BAR - 1))
  return op => {
    const [from, to] = [place(op.called), op.returned === null ? BAR : place(op.returned)]
    const inside = '─'.repeat(Math.max(0, Math.min(to, BAR - 1) - from - 1))
    const bar = from === to ? '│' : `├${inside}${to === BAR ? '┄' : '┤'}`
    const time = `${op.called.toFixed(1)} … ${op.returned?.toFixed(1) ?? 'never'}`
    const place_ = [op.node, op.rev === undefined ? undefined : `rev ${op.rev}`]
    const cells = [
      `c${op.client}`.padStart(4),
      time.padStart(21),
      `${' '.repeat(from)}${bar}`.padEnd(BAR + 1),
      whatOf(op).padEnd(width),
      place_.filter(each => each !== undefined).join(' '),
    ]
    return `  ${cells.join('  ').trimEnd()}`
  }
}

function whatOf({ op, args, result, status, outcome, error }: RecordedOp): string {
  const asked = [op, ...args.map(short)].join(' ')
  if (status === 'fail') return `${asked} → not done (${error ?? 'none'})`
  if (status === 'info') return `${asked} → ? (${error ?? outcome ?? 'unknown'})`
  return op === 'put' || result === undefined ? asked : `${asked} → ${short(result)}`
}

function short(value: Json | undefined): string {
  const text = JSON.stringify(value ?? null)
  return text.length <= TEXT_MAX ? text : `${text.slice(0, 28)} … ${text.slice(-28)}`
}
