/**
 * The small records of a shard: what its checkpoint is, and what view it promised.
 *
 *   manifest   u32 generation · f64 op · 16 B checksum · f64 rev · f64 timeMs · f64 lamport · u32-prefixed
 *              state hash · f64 logFirst · f64 logLowest · f64 swept · f64 written
 *   vsr        f64 epoch · f64 view · f64 last normal view · u8 1: recovering, 2: cut, else nothing
 *
 * The marker of a checkpoint under way (table P) is empty.
 */
import { FormatError, Reader, Writer } from '../base/bytes.ts'
import type { VsrRecord } from '../vr/effect.ts'
import { genesisChecksum } from '../vr/entry.ts'
import type { CheckpointId } from '../vr/message.ts'
import { genesis } from '../vr/restart.ts'
import { checksumOf, epochNumber, opNumber, revOf, viewNumber } from '../vr/terms.ts'
import type { ClusterRecord } from './port.ts'
import { Damage } from './refusal.ts'

export interface Manifest {
  readonly checkpoint: CheckpointId
  /** Which state records count: those of this generation. A state got by transfer starts a new one. */
  readonly generation: number
  /** Entries below are not part of the log, whether they are deleted yet or not. */
  readonly logFirst: number
  /** There is no entry below this op on disk: where a scan starts, clear of LevelDB's tombstones. */
  readonly logLowest: number
  /** Records that the last sweep of this generation left; versions written since. Decide on the next. */
  readonly swept: number
  readonly written: number
}

/** View 0 and the empty state before op 1, chained to the cluster and the shard. */
export const genesisOf = (
  cluster: ClusterRecord,
  shard: number,
): { readonly vsr: VsrRecord; readonly checkpoint: CheckpointId } =>
  genesis(genesisChecksum(`${cluster.clusterId}/${cluster.foundingId}`, shard))

/** The names alone: what the core hands over may carry the records too. */
export const checkpointId = (id: CheckpointId): CheckpointId => ({
  opNumber: id.opNumber,
  checksum: id.checksum,
  rev: id.rev,
  timeMs: id.timeMs,
  lamport: id.lamport,
  stateHash: id.stateHash,
})

/** Of a store that is founded at this checkpoint, with so many records. */
export const firstManifest = (checkpoint: CheckpointId, records = 0): Manifest => ({
  checkpoint,
  generation: 1,
  logFirst: checkpoint.opNumber + 1,
  logLowest: checkpoint.opNumber + 1,
  swept: records,
  written: 0,
})

export function encodeManifest(manifest: Manifest): Uint8Array {
  const { checkpoint } = manifest
  return new Writer()
    .u32(manifest.generation)
    .f64(checkpoint.opNumber)
    .hex16(checkpoint.checksum)
    .f64(checkpoint.rev)
    .f64(checkpoint.timeMs)
    .f64(checkpoint.lamport)
    .text(checkpoint.stateHash)
    .f64(manifest.logFirst)
    .f64(manifest.logLowest)
    .f64(manifest.swept)
    .f64(manifest.written)
    .finish()
}

export function decodeManifest(payload: Uint8Array): Manifest {
  return decoded(payload, r => {
    const generation = r.u32()
    const checkpoint: CheckpointId = {
      opNumber: opNumber(r.f64()),
      checksum: checksumOf(r.hex16()),
      rev: revOf(r.f64()),
      timeMs: r.f64(),
      lamport: r.f64(),
      stateHash: r.text(),
    }
    return {
      checkpoint,
      generation,
      logFirst: r.f64(),
      logLowest: r.f64(),
      swept: r.f64(),
      written: r.f64(),
    }
  })
}

export function encodeVsr(vsr: VsrRecord): Uint8Array {
  const w = new Writer().f64(vsr.epochNumber).f64(vsr.viewNumber).f64(vsr.lastNormalView)
  if (vsr.recovering) w.u8(RECOVERING)
  else if (vsr.cut) w.u8(CUT)
  return w.finish()
}

const RECOVERING = 1
const CUT = 2

export const decodeVsr = (payload: Uint8Array): VsrRecord =>
  decoded(payload, r => {
    const vsr = readVsr(r)
    if (r.left === 0) return vsr
    // Never taken for a replica that may vote: what is not this flag is no vsr record.
    const flag = r.u8()
    if (flag === CUT) return { ...vsr, cut: true }
    if (flag !== RECOVERING) throw new FormatError('the flag of a vsr record is not known')
    return { ...vsr, recovering: true }
  })

export const readVsr = (r: Reader): VsrRecord => ({
  epochNumber: epochNumber(r.f64()),
  viewNumber: viewNumber(r.f64()),
  lastNormalView: viewNumber(r.f64()),
})

/** `a` promises less than `b`. */
export function isBelow(a: VsrRecord, b: VsrRecord): boolean {
  if (a.epochNumber !== b.epochNumber) return a.epochNumber < b.epochNumber
  return a.viewNumber < b.viewNumber || a.lastNormalView < b.lastNormalView
}

function decoded<T>(payload: Uint8Array, read: (r: Reader) => T): T {
  try {
    const reader = new Reader(payload)
    const value = read(reader)
    reader.end()
    return value
  } catch (error) {
    if (error instanceof FormatError) throw new Damage(error.message, { cause: error })
    throw error
  }
}
