/**
 * The node's Lamport clock: the latest time that it has heard of, in any shard or from any caller. Each shard
 * hears of it with the next commands that go to its primary (vr/lamport.ts).
 */
import { ViewstampError } from '../base/errors.ts'
import { LAMPORT_GIVEN_MAX, lamportOf } from '../vr/lamport.ts'
import type { NodeContext } from './context.ts'

export function lamportNow({ lamport, shards }: NodeContext): number {
  let latest = lamport
  for (const { replica } of shards) latest = Math.max(latest, lamportOf(replica))
  return latest
}

/** A caller says that it has seen this time (`meta.lamport`). Throws ViewstampError. */
export function hear(context: NodeContext, given: number): void {
  if (given <= context.lamport) return
  if (given > LAMPORT_GIVEN_MAX && given > lamportNow(context)) {
    const message = `meta.lamport must be ${LAMPORT_GIVEN_MAX} at most, or a time that this node has seen: give the highest lamport that an answer or a record carried`
    throw new ViewstampError('INVALID_PARAMS', message, { path: 'meta.lamport' })
  }
  context.lamport = given
}
