/**
 * When do commands that callers of this node gave go to the core? An entry costs the same few messages
 * and syncs whatever it carries, and most callers that were just answered come back with their next
 * call. So behind a commit the next entry waits for as many commands as were answered, as long as
 * experience says that they come, and for some milliseconds at most (docs/decisions/0009).
 */
import type { Command } from '../vr/entry.ts'

export interface GatherPorts {
  readonly isPrimary: () => boolean
  /** Entries are uncommitted: in the core too the next one would wait for them. */
  readonly isUnderWay: () => boolean
  readonly nowMs: () => number
  readonly handIn: (commands: readonly Command[]) => void
}

/** Fewer are not worth waiting for. */
const WORTHWHILE = 8
/** How long callers have to come back: reading 64 small calls over HTTP takes about 5 ms. */
export const LONGEST_MS = 6
/** With a long round trip the pipeline is filled meanwhile, as by the core's own tick. */
const UNDER_WAY_MS = 10
/** How long a busy backup gathers commands for its primary: what it passes on costs a message. */
const FORWARD_MS = 1
const LOOK_MS = 1
/** How fast trust in callers that stayed away comes back, per commit. */
const TRUST = 0.05

export class Gather {
  readonly #ports: GatherPorts
  #held: Command[] = []
  #isPlanned = false
  #timer: NodeJS.Timeout | undefined
  /** 0: nothing is waited for. */
  #expected = 0
  #untilMs = 0
  /** Of these so many were here when the wait began. */
  #before = 0
  /** 0 … 1: which part of the callers came back, the last time they did not all come. */
  #share = 1

  constructor(ports: GatherPorts) {
    this.#ports = ports
  }

  /** `busy`: many callers wait. */
  add(command: Command, busy: boolean): void {
    this.#held.push(command)
    if (this.#timer !== undefined) {
      if (this.#expected > 0 && this.#held.length >= this.#expected) this.#handIn()
    } else if (!this.#ports.isPrimary()) {
      if (busy) this.#timer = setTimeout(this.#handIn, FORWARD_MS)
      else this.#plan()
    } else if (this.#ports.isUnderWay()) {
      this.#timer = setTimeout(this.#handIn, UNDER_WAY_MS)
    } else {
      this.#plan()
    }
  }

  /** An entry was executed, and so many callers, perhaps ours, have their answer. */
  executed(answered: number): void {
    if (!this.#ports.isPrimary()) return
    this.#share = Math.min(1, this.#share + TRUST)
    this.#before = this.#held.length
    this.#expected = this.#before + Math.floor(answered * this.#share)
    if (this.#ports.isUnderWay()) return
    const isFew = this.#before + answered < WORTHWHILE
    if (isFew || this.#expected === this.#before) return this.#handIn()
    this.#untilMs = this.#ports.nowMs() + LONGEST_MS
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#look, LOOK_MS)
  }

  /** Commands that arrive in one turn of the event loop go in together. */
  #plan(): void {
    if (this.#isPlanned) return
    this.#isPlanned = true
    setImmediate(() => {
      this.#isPlanned = false
      if (this.#timer === undefined) this.#handIn()
    })
  }

  /** Timers may fire late, before what came meanwhile is read: so the wait is in several looks. */
  readonly #look = (): void => {
    if (this.#ports.nowMs() < this.#untilMs) {
      this.#timer = setTimeout(this.#look, LOOK_MS)
      return
    }
    this.#share *= (this.#held.length - this.#before) / (this.#expected - this.#before)
    this.#handIn()
  }

  readonly #handIn = (): void => {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#expected = 0
    if (this.#held.length === 0) return
    const commands = this.#held
    this.#held = []
    this.#ports.handIn(commands)
  }
}
