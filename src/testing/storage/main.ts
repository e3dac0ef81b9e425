/**
 * A run of the simulator, and the real storage code under it: all that happens to its disks happens once more to
 * data directories (twin.ts). Bundled by scripts/bundle-sim.mjs, which puts files.ts, level.ts and timers.ts in
 * the places of node:fs, level and the global timers; the code of src/storage is the one that ships.
 */
import { Prng } from '../../base/prng.ts'
import type { Image } from '../../sim/disk.ts'
import type { Run } from '../../sim/main.ts'
import { simulate } from '../../sim/main.ts'
import type { Failure, Outcome } from '../../sim/outcome.ts'
import { optionsWith } from '../../sim/overrides.ts'
import { Mismatch } from './compare.ts'
import { DataDirectory } from './directory.ts'
import { SimDisk } from './disk.ts'
import { mount } from './files.ts'
import { type Recorded, Recording } from './recording.ts'
import { emptyStorageTally, type StorageTally } from './tally.ts'
import { resetTimers } from './timers.ts'
import { type Copy, Twin } from './twin.ts'

export * from '../../sim/main.ts'
export { addStorageTally, emptyStorageTally, tooLittleStorage } from './tally.ts'

/** Fewer could not bring back one that lost its data (src/storage/set-aside.ts). */
const MEMBERS_MIN = 3

export interface StorageOutcome extends Outcome {
  /** `isStorage`: the run itself passed. */
  readonly failure: (Failure & { readonly isStorage?: true }) | undefined
  readonly storage: StorageTally
}

/** The run's own failure, or that of its storage. */
export async function simulateWithStorage(seed: number, run: Run = {}): Promise<StorageOutcome> {
  const recording = new Recording()
  const outcome = simulate(seed, { ...run, recorder: recording.recorder })
  const storage = { ...emptyStorageTally(), runs: 1 }
  if (outcome.failure) return { ...outcome, storage }
  // Longer than it may be: nothing is known of its end.
  if (outcome.coverage.events >= (run.eventsMax ?? Number.POSITIVE_INFINITY)) {
    return { ...outcome, failure: undefined, storage }
  }
  const { replicas } = optionsWith(seed, run)
  const root = new Prng(run.luck === undefined ? `${seed}/storage` : `${seed}/storage/${run.luck}`)
  const copies = new Map<Image, Copy>()
  let number = 0
  for (const [image, events] of recording.disks) {
    const failure = await replay(events, {
      image,
      number,
      replicas,
      copies,
      storage,
      prng: root.fork(`${number}`),
    })
    if (failure) return { ...outcome, storage, failure: { ...failure, isStorage: true } }
    number++
  }
  return { ...outcome, storage }
}

interface Under {
  /** As it is at the end of the run. */
  readonly image: Image
  readonly number: number
  readonly replicas: number
  readonly copies: Map<Image, Copy>
  readonly storage: StorageTally
  readonly prng: Prng
}

async function replay(
  events: readonly Recorded[],
  { image, number, replicas, copies, storage, prng }: Under,
): Promise<Outcome['failure']> {
  const disk = new SimDisk(prng.fork('disk'))
  mount('disk', disk)
  resetTimers()
  const of = { path: '/disk/data', number, members: Math.max(MEMBERS_MIN, replicas) }
  const directory = new DataDirectory(disk, of, prng.fork('directory'), storage)
  const twin = new Twin(directory, prng.fork('twin'), storage, copies)
  try {
    await twin.run(events, image)
    return undefined
  } catch (error) {
    const { atMs } = twin
    const where = `disk ${number} at ${atMs} ms`
    if (error instanceof Mismatch) {
      const { property } = error
      return { kind: 'property', property, message: `${error.message} (${where})`, atMs }
    }
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const isAssertion = error instanceof Error && error.name === 'AssertionError'
    const property = isAssertion ? 'assertion' : 'crash'
    return { kind: 'invariant', property, message: `${where}: ${message}`, atMs }
  }
}
