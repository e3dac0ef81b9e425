/**
 * A snapshot as the state that a new cluster is founded with. Its op-numbers, revs and times go on
 * from those of the snapshot, so that a key's rev never goes back; its chain begins with a checksum made
 * of the new cluster and the snapshot's hash, so that nothing of another founding can follow.
 *
 * Sessions are not restored (docs/decisions/0012): a repeat of a write sent to the old cluster is refused
 * as SESSION_EVICTED, never executed a second time without a word.
 */
import { genesisChecksum } from '../vr/entry.ts'
import { opNumber, revOf } from '../vr/terms.ts'
import type { StartingState } from './open.ts'
import type { ClusterRecord } from './port.ts'
import type { SnapshotReport } from './snapshot-reader.ts'
import { readSnapshot } from './snapshot-reader.ts'
import { checkpointHashOf } from './state-digest.ts'

/** `report`: what verifying the file gave. */
export function startingState(
  path: string,
  { manifest, hash }: SnapshotReport,
  cluster: Pick<ClusterRecord, 'clusterId' | 'foundingId'>,
): StartingState {
  const root = `${cluster.clusterId}/${cluster.foundingId}/${hash}`
  return {
    checkpoints: manifest.shards.map(({ shard, op, rev, timeMs, lamport = 0, stateHash }) => ({
      opNumber: opNumber(op),
      checksum: genesisChecksum(root, shard),
      rev: revOf(rev),
      timeMs,
      lamport,
      stateHash: checkpointHashOf(stateHash),
    })),
    async *records() {
      for await (const part of readSnapshot(path)) {
        if (part.type !== 'records') continue
        const { shard, records } = part
        yield { shard, records: records.map(record => ({ ...record, id: `s${record.id}` })) }
      }
    },
  }
}
