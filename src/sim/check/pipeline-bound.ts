/** No more than P ops are uncommitted: what bounds a view change's messages. */
import type { Message } from '../../vr/message.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function pipelineBound(world: World): Check {
  const name = 'pipeline-bound'
  const { pipelineMax } = world.options.replica
  return {
    name,
    sent(host: HostView, _to: number, message: Message) {
      if (message.type !== 'PREPARE') return
      const ahead = message.entry.opNumber - message.commitNumber
      if (ahead <= pipelineMax) return
      throw new Violation(
        name,
        `r${host.number} prepares op ${message.entry.opNumber} with ${message.commitNumber} committed; the pipeline holds ${pipelineMax}`,
      )
    },
    durable(host: HostView) {
      const head = host.image.first + host.image.entries.length - 1
      if (head - world.committed.length <= pipelineMax) return
      throw new Violation(
        name,
        `r${host.number} holds op ${head} while only ${world.committed.length} are committed; the pipeline holds ${pipelineMax}`,
      )
    },
  }
}
