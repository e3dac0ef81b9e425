/**
 * Revs are the dense numbers of commands in a shard's log: no two writes have the same, what was called
 * after a write was acknowledged has a larger one, and a value that is read at a rev is the one that was
 * written at it. Needs no search: the cluster itself says in which order it executed.
 */
import type { Finding } from './append.ts'
import { groupBy, type RecordedOp } from './history.ts'

export function revisionFinding(ops: readonly RecordedOp[]): Finding | undefined {
  const acknowledged = ops.filter(({ status, rev }) => status === 'ok' && rev !== undefined)
  for (const shard of groupBy(acknowledged, op => op.shard ?? 'main').values()) {
    const writes = shard.filter(({ op }) => op !== 'get')
    const byRev = new Map<number, RecordedOp>()
    for (const write of writes) {
      const other = byRev.get(revOf(write))
      if (other !== undefined) return { what: 'two writes have the same rev', ops: [other, write] }
      byRev.set(revOf(write), write)
    }
    const finding = goesBack(writes) ?? wrongValue(shard, byRev)
    if (finding !== undefined) return finding
  }
  return undefined
}

const revOf = ({ rev }: RecordedOp): number => rev ?? 0

function goesBack(writes: readonly RecordedOp[]): Finding | undefined {
  const over = [...writes].sort((a, b) => (a.returned ?? 0) - (b.returned ?? 0))
  const called = [...writes].sort((a, b) => a.called - b.called)
  let largest: RecordedOp | undefined
  let next = 0
  for (const write of called) {
    for (; next < over.length; next++) {
      const each = over[next] as RecordedOp
      if ((each.returned ?? 0) >= write.called) break
      if (largest === undefined || revOf(each) > revOf(largest)) largest = each
    }
    if (largest !== undefined && revOf(write) < revOf(largest)) {
      return { what: 'a later write has a smaller rev', ops: [largest, write] }
    }
  }
  return undefined
}

function wrongValue(
  ops: readonly RecordedOp[],
  byRev: ReadonlyMap<number, RecordedOp>,
): Finding | undefined {
  for (const read of ops) {
    if (read.op !== 'get' || read.workload !== 'register' || read.result === null) continue
    const write = byRev.get(revOf(read))
    if (write === undefined) continue
    const written = write.op === 'put' ? write.args[0] : write.op === 'cas' ? write.args[1] : null
    const isSame = write.key === read.key && JSON.stringify(written) === JSON.stringify(read.result)
    if (!isSame)
      return { what: 'what is read is not what was written at its rev', ops: [write, read] }
  }
  return undefined
}
