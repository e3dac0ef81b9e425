/**
 * What holds after every step, in production too. A replica that breaks one stops; it never repairs
 * itself by guessing. What needs more than one replica to see is in src/sim/check.
 */
import { assert } from '../base/assert.ts'
import type { Replica } from './state.ts'
import { isPrimary, opOf } from './state.ts'

export function assertInvariants(replica: Replica): void {
  const n = opOf(replica)
  const { commitNumber: k, log, primary, options } = replica
  assert(k <= n, 'commit-number ≤ op-number')
  assert(log.base.opNumber <= k, 'what is not executed is in memory')
  assert(replica.commitNumber <= replica.knownCommit, 'only what is committed is executed')
  assert(replica.durableOp <= n, 'nothing is durable that is not in the log')
  assert(replica.lastNormalView <= replica.viewNumber, 'last normal view ≤ view-number')
  assert(replica.durableCheckpoint <= replica.checkpoint.opNumber, 'checkpoints are taken first')
  assert(replica.durableCheckpoint <= k, 'a checkpoint holds executed ops only')
  assert(replica.firstOp <= replica.durableCheckpoint + 1, 'the log is cut below a checkpoint only')
  if (replica.status === 'normal') {
    assert(replica.lastNormalView === replica.viewNumber, 'normal: the log is the view’s log')
  }
  assert(
    (replica.repair !== undefined) === (replica.status === 'repairing'),
    'damage is repaired first',
  )
  if (isPrimary(replica)) {
    // What was inherited was bounded by the pipeline of another node, which may have been configured longer.
    const own = n - Math.max(k, primary.viewStartOp)
    assert(own <= options.pipelineMax, 'uncommitted entries are bounded')
    assert(primary.queue.length <= options.queueCommandsMax, 'the queue is bounded')
  } else {
    assert(primary.queue.length === 0, 'only a primary has commands waiting')
  }
}
