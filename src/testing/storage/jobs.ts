/** A job of the simulated disk as the writes that a node makes of it (src/node/shard-host.ts, writer.ts). */
import type { Prng } from '../../base/prng.ts'
import type { Job } from '../../sim/disk.ts'
import type { ShardWrite } from '../../storage/port.ts'
import type { ServiceRecord } from '../../vr/service.ts'

type Part = Omit<ShardWrite, 'shard'>

/** Records in a slice: few, so that even a small state is written in several. */
const SLICE_MAX = 5

/** In order; all but the last may be durable without those behind them. */
export function writesOf(job: Job, prng: Prng): ShardWrite[] {
  return partsOf(job, prng).map(part => ({ shard: 0, ...part }))
}

function partsOf(job: Job, prng: Prng): Part[] {
  if (job.type === 'trim') return [{ trimBelow: job.below }]
  if (job.type === 'checkpoint') {
    const { opNumber } = job.id
    const slices = slicesOf(job.records, prng).map(records => ({ records: { opNumber, records } }))
    return [...slices, { checkpoint: job.id }]
  }
  const { truncateFrom, keptHead, append, repair, vsr, texts, install } = job
  return [
    ...slicesOf(texts ?? [], prng).map(installTexts => ({ installTexts })),
    ...slicesOf(install?.records ?? [], prng).map(records => ({
      installRecords: { opNumber: install?.opNumber ?? 0, records },
    })),
    { truncateFrom, keptHead, append, repair, vsr, install },
  ]
}

function slicesOf(records: readonly ServiceRecord[], prng: Prng): ServiceRecord[][] {
  const slices: ServiceRecord[][] = []
  for (let at = 0; at < records.length; ) {
    const slice = records.slice(at, at + prng.int(1, SLICE_MAX))
    slices.push(slice)
    at += slice.length
  }
  return slices
}
