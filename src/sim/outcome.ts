/** What a run came to, where it was told to end, and who watches it. */
import { AssertionError } from '../base/assert.ts'
import { Violation } from './check/check.ts'
import type { Coverage } from './coverage.ts'
import type { LogLevel } from './report.ts'

export interface Outcome {
  readonly failure: Failure | undefined
  /** The proof, where a run may not come to an end: more disks were lost than the group survives. */
  readonly stuck: string | undefined
  readonly digest: string
  readonly coverage: Coverage
  readonly virtualMs: number
  /** Names of the faults that happened. */
  readonly faults: readonly string[]
}

/** Where a run ends early, and what it leaves out: a failure is made smaller with these (minimise.ts). */
export interface Limits {
  readonly untilMs?: number | undefined
  /** After so many events the run is given up, unjudged. */
  readonly eventsMax?: number | undefined
  /** Names of the faults that may happen; `undefined`: all. */
  readonly faults?: readonly string[] | undefined
  /** Other luck: the same options, and everything that is drawn while it runs drawn anew. */
  readonly luck?: number | undefined
}

export interface Failure {
  /** invariant: a replica stopped itself · liveness, property: a check of the simulator. */
  readonly kind: 'invariant' | 'liveness' | 'property'
  /** Name of the property, or `assertion`. */
  readonly property: string
  readonly message: string
  readonly atMs: number
}

export interface Tracing {
  readonly level: LogLevel | 'columns'
  line(line: string): void
}

export function failureOf(error: unknown, atMs: number): Failure {
  if (error instanceof Violation) {
    const kind = error.kind === 'liveness' ? 'liveness' : 'property'
    return { kind, property: error.property, message: error.message, atMs }
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const property = error instanceof AssertionError ? 'assertion' : 'crash'
  return { kind: 'invariant', property, message, atMs }
}
