/** Sums that decide what is refused, forgotten or waited for are the sums of what is there. */
import type { Replica } from '../../vr/state.ts'
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function accounts(): Check {
  const name = 'accounts'
  return {
    name,
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
