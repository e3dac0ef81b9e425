/** What happens in the cluster, as the lines of the log that a person reads. */
import type { ClusterEvent } from '../node/api.ts'
import type { Logger } from './log.ts'

/** The event itself goes along for programs; the sentence says all of it. */
export function logClusterEvent(log: Logger, event: ClusterEvent): void {
  const sentence = sentenceOf(event)
  if (sentence === undefined) return
  if (WARNINGS.test(event.kind)) log.warn({ event }, sentence)
  else log.info({ event }, sentence)
}

const WARNINGS = /^(alarm|bad_frame|entry_repaired)/

function sentenceOf(event: ClusterEvent): string | undefined {
  const { kind, shard, view, reason, primary, durationMs } = event
  const where =
    shard === undefined || shard === 'main' ? `view ${view}` : `view ${view} of ${shard}`
  switch (kind) {
    case 'view_change_started':
      return `view change to ${where}, ${event['next']} would be primary: ${reason}`
    case 'view_started': {
      const gap = durationMs === undefined ? '' : `, ${durationMs} ms after the last was left`
      return `${where} has started, ${primary} is primary${gap}`
    }
    case 'status_changed':
      return `${event['status']} in ${where}: ${reason}`
    case 'peer_up':
      return `connected to ${event['peer']}`
    case 'peer_down':
      // Told by the node already, with the reason.
      return undefined
    case 'bad_frame':
      return `a frame of ${event['peer']} is not understood, and ignored: ${event['why']}`
    case 'sync_started':
      return `is behind in ${where}: fetches what follows op ${event['op']}`
    case 'sync_finished':
      return `has caught up in ${where}, at op ${event['op']}`
    case 'log_repaired':
      return `the damaged entries of its log are whole again in ${where}, up to op ${event['op']}`
    case 'entry_repaired':
      return `entry ${event['op']} of the log was damaged on disk, and is written again from memory${shard === undefined || shard === 'main' ? '' : ` in ${shard}`}: look at the disk if it happens more than once`
    case 'checkpoint':
      return `checkpoint at op ${event['op']}${where === `view ${view}` ? '' : ` of ${shard}`}`
    case 'alarm_raised':
    case 'alarm_cleared':
      return `alarm ${event['alarm']} ${kind === 'alarm_raised' ? 'is raised' : 'is over'}${reason === undefined ? '' : `: ${reason}`}`
    default:
      return kind.replaceAll('_', ' ')
  }
}
