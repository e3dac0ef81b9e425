/**
 * What happens to the disks of a run, told in order to whoever does the same to real ones (src/testing/storage;
 * docs/simulator.md, «The real storage code»). Nothing of the run depends on who listens.
 */
import type { Effect, Input } from '../vr/effect.ts'
import type { Damage } from '../vr/repair.ts'
import type { Seen } from '../wire/hello.ts'
import type { Promised } from '../wire/promised.ts'
import type { Image, Job } from './disk.ts'
import type { Hurt } from './rot.ts'

export type DiskEvent =
  /** To be written; lost in a crash unless it is applied before, or by it. */
  | { readonly type: 'submitted'; readonly job: Job }
  | { readonly type: 'applied'; readonly job: Job }
  /** The process ended, and what was not applied is lost. */
  | { readonly type: 'crashed' }
  | { readonly type: 'hurt'; readonly hurts: readonly Hurt[] }
  /** A start, and what it was given: `image` is a copy, of what was there or of what took its place. */
  | {
      readonly type: 'started'
      readonly image: Image
      readonly damage: Damage | undefined
      /** What was there was set aside first. */
      readonly lost: Lost | undefined
    }
  /** A running process asked for something; no answer: it is not what was written. */
  | {
      readonly type: 'read'
      readonly effect: Extract<Effect, { type: 'load' | 'load-texts' }>
      readonly answer: Extract<Input, { type: 'loaded' | 'texts-loaded' }> | undefined
    }
  | { readonly type: 'condemned'; readonly why: string }
  /** What was there is gone, the superblock perhaps not; the next start is that of a replica that recovers. */
  | { readonly type: 'lost'; readonly hasSuperblock: boolean }
  /** Somebody copies the directory … */
  | { readonly type: 'copied'; readonly copy: Image }
  /** … and puts it in the place of another; no copy: a new directory. */
  | { readonly type: 'put-back'; readonly copy: Image | undefined }
  /** A life of a peer was noted, before anything that it said counted. */
  | { readonly type: 'met'; readonly peer: number; readonly life: Seen }
  /** What the peers promised, as far as it is to be on disk a second later. */
  | { readonly type: 'promised'; readonly by: ReadonlyMap<number, Promised> }

export interface Lost {
  readonly why: string
  readonly image: Image
}

/** A disk is named by its image, which is one object for as long as the disk lives. */
export type Recorder = (disk: Image, atMs: number, event: DiskEvent) => void

export interface Recording {
  readonly recorder?: Recorder | undefined
}

/** As whoever tells something has it: the simulator knows the time. */
export type Teller = (disk: Image, event: DiskEvent) => void

export const tellerOf = (recorder: Recorder | undefined, nowMs: () => number): Teller | undefined =>
  recorder && ((disk, event) => recorder(disk, nowMs(), event))
