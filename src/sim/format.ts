/** Messages and writes in the paper's letters: v view, n op-number, k commit-number. For reports and traces. */
import { unreachable } from '../base/assert.ts'
import { text } from '../base/bytes.ts'
import type { Command, Entry } from '../vr/entry.ts'
import type { CheckpointId, Message, ReplyAnswer } from '../vr/message.ts'
import type { Job } from './disk.ts'

export function formatMessage(m: Message): string {
  switch (m.type) {
    case 'REQUEST':
      return `REQUEST ${m.commands.map(formatCommand).join(', ')}`
    case 'REPLY':
      return `REPLY v${m.viewNumber} ${m.clientId}#${m.requestNumber} ${formatAnswer(m.answer)}`
    case 'PREPARE':
      return `PREPARE v${m.viewNumber} n${m.entry.opNumber} k${m.commitNumber} ${formatCommands(m.entry)}`
    case 'PREPAREOK':
      return `PREPAREOK v${m.viewNumber} n${m.opNumber}`
    case 'COMMIT':
      return `COMMIT v${m.viewNumber} k${m.commitNumber} n${m.opNumber}${probe(m.probe)}`
    case 'COMMITOK':
      return `COMMITOK v${m.viewNumber} n${m.opNumber}${probe(m.probe)}${m.isShortOfSpace ? ' short of space' : ''}`
    case 'STARTVIEWCHANGE':
      return `STARTVIEWCHANGE v${m.viewNumber}`
    case 'DOVIEWCHANGE': {
      const log = formatEntries(m.suffix)
      return `DOVIEWCHANGE v${m.viewNumber} v'${m.lastNormalView} n${m.opNumber} k${m.commitNumber}${log}`
    }
    case 'STARTVIEW': {
      const log = formatEntries(m.suffix)
      return `STARTVIEW v${m.viewNumber} n${m.opNumber} k${m.commitNumber}${log}`
    }
    case 'RECOVERY':
      return m.viewNumber === 0 ? 'RECOVERY' : `RECOVERY v${m.viewNumber}`
    case 'RECOVERYRESPONSE':
      return `RECOVERYRESPONSE v${m.viewNumber}`
    case 'GETSTATE':
      return `GETSTATE v${m.viewNumber} n${m.opNumber}`
    case 'NEWSTATE': {
      const rest = m.checkpoint ? ` ${formatCheckpoint(m.checkpoint)}` : formatEntries(m.entries)
      return `NEWSTATE v${m.viewNumber} n${m.opNumber} k${m.commitNumber}${rest}`
    }
    case 'GETENTRIES':
      return `GETENTRIES n${m.first} to n${m.last}`
    case 'NEWENTRIES':
      return `NEWENTRIES${formatEntries(m.entries) || ' none'}${m.isNormal ? '' : ', not normal'}`
    case 'GETCHECKPOINT':
      return `GETCHECKPOINT n${m.opNumber} after ${m.after ?? 'nothing'}`
    case 'NEWCHECKPOINT':
      return `NEWCHECKPOINT n${m.opNumber} ${m.records.length} records, ${m.progress}`
    case 'GETTEXTS':
      return `GETTEXTS n${m.opNumber} ${m.ids.length} texts`
    case 'NEWTEXTS':
      return `NEWTEXTS n${m.opNumber} ${m.texts.length} texts`
    case 'READINDEX':
      return `READINDEX ${readOf(m.readNumber)}`
    case 'READINDEXOK':
      return `READINDEXOK v${m.viewNumber} ${readOf(m.readNumber)} from n${m.opNumber}`
    default:
      unreachable(m)
  }
}

/** Without what tells starts of a replica apart (src/vr/reads.ts). */
const readOf = (n: number): number => n % 2 ** 20

const probe = (n: number): string => (n === 0 ? '' : ` probe ${n}`)

export function formatCheckpoint(id: CheckpointId): string {
  return `checkpoint n${id.opNumber}`
}

/** `[n7 n8]`, with the view that made an entry where it is not the first. */
export function formatEntries(entries: readonly Entry[]): string {
  if (entries.length === 0) return ''
  return ` [${entries.map(entry => `n${entry.opNumber}@v${entry.viewNumber}`).join(' ')}]`
}

export function formatCommands(entry: Entry): string {
  return entry.commands.map(formatCommand).join(', ')
}

export function formatCommand({ kind, clientId, requestNumber, operation }: Command): string {
  if (kind === 'pulse') return 'pulse'
  if (kind !== 'operation') return `${clientId} ${kind}`
  return `${clientId}#${requestNumber} ${text(operation)}`
}

export function formatAnswer(answer: ReplyAnswer): string {
  switch (answer.type) {
    case 'executed':
      return `executed n${answer.opNumber} → ${text(answer.result)}`
    case 'refused':
      return `refused: ${answer.reason}`
    case 'forgotten':
      return `forgotten: ${answer.reason}`
    case 'reused':
      return 'reused: the number was of another request'
    default:
      unreachable(answer)
  }
}

export function formatJob(job: Job): string {
  if (job.type === 'trim') return `trim below n${job.below}`
  if (job.type === 'checkpoint') return `checkpoint n${job.id.opNumber}`
  const parts: string[] = []
  if (job.texts) parts.push(`${job.texts.length} texts`)
  if (job.install) parts.push(`install checkpoint n${job.install.opNumber}`)
  if (job.truncateFrom !== undefined) parts.push(`cut n${job.truncateFrom}…`)
  for (const entry of job.repair ?? []) parts.push(`n${entry.opNumber} repaired`)
  for (const entry of job.append) parts.push(`+n${entry.opNumber}`)
  if (job.vsr) {
    const { viewNumber, lastNormalView, recovering, cut } = job.vsr
    const flag = recovering ? ' recovering' : cut ? ' cut' : ''
    parts.push(`v${viewNumber} v'${lastNormalView}${flag}`)
  }
  return `write ${parts.join(' ') || 'nothing'}`
}

/** The client-id that a registration's answer gives: `name@op`. */
export function sessionOf(answer: ReplyAnswer): string | undefined {
  if (answer.type !== 'executed') return undefined
  const parsed: unknown = JSON.parse(text(answer.result))
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const session: unknown = Reflect.get(parsed, 'session')
  return typeof session === 'string' ? session : undefined
}
