/** What a host needs of the world around it: in the simulator, and on the stage of a golden trace. */
import type { Executed, ReplicaEvent } from '../vr/effect.ts'
import type { Message, ReplyAnswer } from '../vr/message.ts'
import type { Job } from './disk.ts'
import type { HostEvent, ReadKind } from './event.ts'
import type { Host } from './host.ts'
import type { HostView } from './world.ts'

/** What a host needs of the world around it. */
export interface Surroundings {
  send(from: Host, to: number, message: Message): void
  /** For this start of the host only. */
  later(host: Host, atMs: number, event: HostEvent): void
  reply(
    host: Host,
    client: number,
    session: string,
    requestNumber: number,
    answer: ReplyAnswer,
  ): void
  value(host: Host, client: number, id: number, value: string): void
  /** The process ends by itself, at a point that was armed or for an error: of the disk, or a fence. */
  ended(host: Host, why: End): void
  readonly nowMs: number
  /** The host's own clocks. */
  monotonicMs(host: Host): number
  wallMs(host: Host): number
  readonly watch: Watch
}

export type End = 'crash-point' | 'write-error' | 'damage'

/** Told of everything that a property may look at. */
export interface Watch {
  started(host: HostView): void
  /** A message is about to be stepped. */
  received(host: HostView, from: number, message: Message): void
  stepped(host: HostView): void
  /** A start finds the disk damaged, and sets aside what is left. */
  damaged(host: HostView, what: string): void
  /** A write or a sync failed, or what was read is damaged. */
  failed(host: HostView): void
  sent(host: HostView, to: number, message: Message): void
  durable(host: HostView, job: Job): void
  executed(host: HostView, effect: Executed): void
  /** A client is told something. */
  answered(host: HostView, session: string, requestNumber: number, answer: ReplyAnswer): void
  /** A client reads a value; `fromOp`: linearizable, from this op on; `undefined`: as of what is executed here. */
  read(host: HostView, key: string, value: string, reading: ReadServed): void
  event(host: HostView, event: ReplicaEvent): void
}

/** A read that waits at its host. `fromOp`: the op it must have seen; undefined: not known yet. */
export interface Reading {
  readonly client: number
  readonly id: number
  readonly key: string
  readonly readNumber: number
  fromOp: number | undefined
}

export interface ReadServed {
  readonly client: number
  readonly id: number
  readonly kind: ReadKind
}
