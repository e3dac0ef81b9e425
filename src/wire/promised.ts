/**
 * What a replica has promised to others, as those others know it, and whether a data directory holds all of
 * it. A directory that was put back to an earlier state looks sound, and its replica would vote against what
 * it promised since; whoever remembers the promise refuses it (hello.ts). docs/storage.md says what follows.
 *
 * Promises are compared by shard: the view that the replica was in, and the log (last normal view, then
 * op-number) that it held. Op-numbers alone do not do: a later view may end the log earlier.
 */
import type { VsrRecord } from '../vr/effect.ts'
import type { Message } from '../vr/message.ts'

/** A replica of a shard was in this view, and held the log of `lastNormalView` up to `opNumber`, durably. */
export interface Promised {
  readonly viewNumber: number
  readonly lastNormalView: number
  readonly opNumber: number
}

/** What a data directory holds of a shard when a process starts on it. */
export interface Standing extends Promised {
  /** `cut`, `recovering`: as in VsrRecord. `kept`: neither. */
  readonly log: 'kept' | 'cut' | 'recovering'
}

export const standingOf = (vsr: VsrRecord, opNumber: number): Standing => ({
  viewNumber: vsr.viewNumber,
  lastNormalView: vsr.lastNormalView,
  opNumber,
  log: vsr.recovering ? 'recovering' : vsr.cut ? 'cut' : 'kept',
})

/** What a message promises for its sender. What left before it was durable promises no more than the view. */
export function promiseIn(m: Message): Promised | undefined {
  const { viewNumber } = m as { viewNumber: number }
  switch (m.type) {
    case 'PREPAREOK':
    case 'COMMITOK':
      return { viewNumber, lastNormalView: viewNumber, opNumber: m.opNumber }
    case 'DOVIEWCHANGE':
      return { viewNumber, lastNormalView: m.lastNormalView, opNumber: m.opNumber }
    case 'PREPARE':
    case 'COMMIT':
    case 'STARTVIEW':
      return { viewNumber, lastNormalView: viewNumber, opNumber: 0 }
    default:
      return undefined
  }
}

/** Both are known; gives `known` itself where `more` adds nothing. */
export function raised(known: Promised | undefined, more: Promised): Promised {
  if (known === undefined) return more
  const isLater = isEarlierLog(known, more)
  if (!isLater && more.viewNumber <= known.viewNumber) return known
  const { lastNormalView, opNumber } = isLater ? more : known
  const viewNumber = Math.max(known.viewNumber, more.viewNumber)
  return { viewNumber, lastNormalView, opNumber }
}

const isEarlierLog = (a: Promised, b: Promised): boolean =>
  a.lastNormalView !== b.lastNormalView
    ? a.lastNormalView < b.lastNormalView
    : a.opNumber < b.opNumber

/**
 * What of a promise the directory does not hold, in words. Never of a directory that only its own replica
 * wrote: all that it promised was on disk before it was said, and neither view nor last normal view go
 * back. The log of one view gets shorter only where a later view committed other entries: `cut`. Who is
 * `recovering` knows that it forgot, and takes part again above all that it can have promised.
 */
export function forgotten(disk: Standing, promised: Promised): string | undefined {
  if (disk.log === 'recovering') return undefined
  if (disk.viewNumber < promised.viewNumber) {
    return `it is in view ${disk.viewNumber}, and had entered view ${promised.viewNumber}`
  }
  if (disk.lastNormalView < promised.lastNormalView) {
    return `its log is of view ${disk.lastNormalView}, and was of view ${promised.lastNormalView}`
  }
  if (disk.log === 'cut' || !isEarlierLog(disk, promised)) return undefined
  return `its log ends at op ${disk.opNumber}, and it had acknowledged op ${promised.opNumber}`
}
