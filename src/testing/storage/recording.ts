/** What a run told of its disks, disk by disk. */
import type { Image } from '../../sim/disk.ts'
import type { DiskEvent, Recorder } from '../../sim/recorder.ts'

export interface Recorded {
  readonly atMs: number
  readonly event: DiskEvent
}

export class Recording {
  /** In the order in which they came; a copy comes behind its original. */
  readonly disks = new Map<Image, Recorded[]>()

  readonly recorder: Recorder = (disk, atMs, event) => {
    const events = this.disks.get(disk)
    if (events === undefined) this.disks.set(disk, [{ atMs, event }])
    else events.push({ atMs, event })
  }
}

/** Between the event at this index and the next start something is damaged, or found to be. */
export function isDamagedBehind(events: readonly Recorded[], index: number): boolean {
  for (let i = index + 1; i < events.length; i++) {
    const event = events[i]?.event
    if (event?.type === 'hurt' || event?.type === 'lost') return true
    if (event?.type === 'started') return event.damage !== undefined || event.lost !== undefined
  }
  return false
}
