/**
 * Sums that decide what is refused, forgotten or waited for are the sums of what is there; and a session keeps no more
 * results than its window.
 */
import type { Session } from '../../vr/client-table.ts'
import type { Executed } from '../../vr/effect.ts'
import type { Replica } from '../../vr/state.ts'
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function accounts(): Check {
  const name = 'accounts'
  return {
    name,
    executed({ number, replica }: HostView, { entry }: Executed) {
      for (const { clientId } of entry.commands) {
        const session = replica?.clientTable.sessions.get(clientId)
        const wrong = session && wrongSession(session)
        if (wrong) throw new Violation(name, `r${number}, session ${clientId}: ${wrong}`)
      }
    },
    stepped({ number, replica }: HostView) {
      const wrong = replica && wrongSum(replica)
      if (wrong) throw new Violation(name, `r${number}: ${wrong}`)
    },
  }
}

function wrongSum({ log, writes, unwrittenBytes, primary }: Replica): string | undefined {
  let bytes = 0
  for (const entry of log.entries) bytes += entry.bytes.length
  if (bytes !== log.bytes) return `${log.bytes} bytes of entries in memory; they are ${bytes}`
  bytes = 0
  for (const write of writes) bytes += write.bytes
  if (bytes !== unwrittenBytes) return `${unwrittenBytes} bytes to be written; they are ${bytes}`
  bytes = 0
  for (const { operation, meta } of primary.queue) bytes += operation.length + meta.length + 64
  if (bytes !== primary.queueBytes) return `${primary.queueBytes} bytes wait; they are ${bytes}`
  return undefined
}

function wrongSession({ results, window, resultBytes }: Session): string | undefined {
  if (results.size > window) return `${results.size} results in a window of ${window}`
  let bytes = 0
  for (const { answer } of results.values()) bytes += answer.result.length
  return bytes === resultBytes ? undefined : `${resultBytes} bytes of results; they are ${bytes}`
}
