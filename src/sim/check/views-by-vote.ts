/**
 * Nobody leaves a view on its own, save a restarted primary and who has lost its disk: a replica that enters
 * a view of which it was not told has the votes of a quorum, its own among them, each of them given in the view that
 * it leaves and not longer ago than votes live. Else one replica that hears nothing ends the view of all. §4.2 step 1
 */
import { primaryOf } from '../../vr/configuration.ts'
import type { Message } from '../../vr/message.ts'
import type { Replica } from '../../vr/state.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

/** As in src/vr/view-change.ts: time-outs. */
const VOTE_LIFE = 4

interface Seen {
  boot: number
  viewNumber: number
  /** Highest view of which the message being stepped tells. */
  toldOf: number
  /** Votes for the view, by voter: when they came, on the replica's own clock. */
  readonly votes: Map<number, number>
}

export function viewsByVote(world: World): Check {
  const name = 'views-by-vote'
  const { viewChangeTimeoutMs } = world.options.replica
  const seen = new Map<number, Seen>()

  function freshVotes({ votes }: Seen, { clockMs, replicaNumber }: Replica): number {
    const oldest = clockMs - VOTE_LIFE * viewChangeTimeoutMs
    let fresh = votes.has(replicaNumber) ? 0 : 1
    for (const at of votes.values()) if (at >= oldest) fresh++
    return fresh
  }

  return {
    name,
    started(host: HostView) {
      seen.delete(host.number)
    },
    received(host: HostView, from: number, message: Message) {
      const { replica } = host
      const before = seen.get(host.number)
      if (before === undefined || replica === undefined) return
      before.toldOf = 'viewNumber' in message ? message.viewNumber : 0
      if (message.type !== 'STARTVIEWCHANGE') return
      if (message.viewNumber > before.viewNumber) before.votes.clear()
      if (message.viewNumber >= before.viewNumber) before.votes.set(from, replica.clockMs)
    },
    stepped(host: HostView) {
      const { replica } = host
      if (replica === undefined) return
      // Its start comes behind the repair.
      if (replica.status === 'repairing') seen.delete(host.number)
      if (replica.status === 'repairing') return
      const before = seen.get(host.number)
      const { viewNumber, configuration } = replica
      if (before === undefined) {
        seen.set(host.number, { boot: host.boot, viewNumber, toldOf: 0, votes: new Map() })
        return
      }
      const left = Math.max(before.viewNumber, before.toldOf)
      const isAlone = viewNumber > left && replica.status !== 'recovering'
      const votes = freshVotes(before, replica)
      if (isAlone && votes < world.quorum) {
        throw new Violation(
          name,
          `r${host.number} leaves view ${left} of r${primaryOf(configuration, replica.viewNumber)} with ${votes} votes; a quorum is ${world.quorum}`,
        )
      }
      if (viewNumber > before.viewNumber && viewNumber !== before.toldOf) before.votes.clear()
      before.viewNumber = viewNumber
      before.toldOf = 0
    },
  }
}
