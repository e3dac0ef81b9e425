/** What can happen in virtual time. Events that belong to one start of a host die with it (`boot`). */
import type { Command, Entry } from '../vr/entry.ts'
import type { ColdText, Message, ReplyAnswer } from '../vr/message.ts'
import type { Standing } from '../wire/promised.ts'
import type { Daemon } from './admission.ts'
import type { Image } from './disk.ts'
import type { Host } from './host.ts'
import type { FaultKind, Link } from './nemesis.ts'

/** By a quorum's leave, or as of what the replica has executed. */
export type ReadKind = 'linearizable' | 'stale'

export type HostEvent =
  | { readonly type: 'tick' }
  | { readonly type: 'deliver'; readonly from: number; readonly message: Message }
  | { readonly type: 'synced' }
  | { readonly type: 'execute' }
  | { readonly type: 'loaded'; readonly token: number; readonly entries: readonly Entry[] }
  | { readonly type: 'texts-loaded'; readonly token: number; readonly texts: readonly ColdText[] }
  | { readonly type: 'peer'; readonly replica: number; readonly connected: boolean }
  /** From a client, with the latest Lamport time that it says it has seen. */
  | {
      readonly type: 'request'
      readonly client: number
      readonly command: Command
      readonly seen: number
    }
  | {
      readonly type: 'read'
      readonly client: number
      readonly id: number
      readonly key: string
      readonly kind: ReadKind
    }

export type SimEvent =
  | {
      readonly type: 'host'
      readonly host: Host
      readonly boot: number
      readonly event: HostEvent
    }
  /** A message on its way: it finds whichever start of the host is there, if it may be heard. */
  | {
      readonly type: 'message'
      readonly from: Daemon
      readonly to: number
      readonly message: Message
      readonly sentMs: number
      readonly stream: number
      /** Of the sender's disk when it was sent: the daemon tells the others so, ten times a second. */
      readonly standing: Standing
    }
  /** Requests and news from outside find whichever start of the host is there. */
  | { readonly type: 'arrival'; readonly host: number; readonly event: HostEvent }
  | { readonly type: 'start'; readonly host: number }
  | { readonly type: 'standby'; readonly event: StandbyEvent }
  | { readonly type: 'fault'; readonly kind: FaultKind }
  | { readonly type: 'undo'; readonly undo: Undo }
  | { readonly type: 'client'; readonly event: ClientEvent }

/** Of the standby of a run: one fails, and is well again. */
export type StandbyEvent = 'start' | 'fault' | 'resume' | 'join'

export type Undo =
  | { readonly type: 'join'; readonly links: readonly Link[] }
  | { readonly type: 'clog'; readonly links: readonly Link[]; readonly forMs: number }
  | { readonly type: 'resume'; readonly host: number }
  /** Its disk has room again. */
  | { readonly type: 'room'; readonly host: number }
  | { readonly type: 'fence'; readonly daemon: Daemon; readonly reason: string }
  | { readonly type: 'copy'; readonly host: number; readonly image: Image }

export type ClientEvent =
  | { readonly type: 'next'; readonly client: number }
  | {
      readonly type: 'timeout'
      readonly client: number
      readonly id: number
      readonly attempt: number
    }
  | {
      readonly type: 'reply'
      readonly client: number
      readonly session: string
      readonly requestNumber: number
      readonly answer: ReplyAnswer
    }
  | { readonly type: 'value'; readonly client: number; readonly id: number; readonly value: string }
