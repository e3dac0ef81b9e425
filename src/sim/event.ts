/** What can happen in virtual time. Events that belong to one start of a host die with it (`boot`). */
import type { Command, Entry } from '../vr/entry.ts'
import type { Message, ReplyAnswer } from '../vr/message.ts'
import type { FaultKind } from './nemesis.ts'

export type HostEvent =
  | { readonly type: 'tick' }
  | { readonly type: 'deliver'; readonly from: number; readonly message: Message }
  | { readonly type: 'synced' }
  | { readonly type: 'loaded'; readonly token: number; readonly entries: readonly Entry[] }
  | { readonly type: 'peer'; readonly replica: number; readonly connected: boolean }
  /** From a client. */
  | { readonly type: 'request'; readonly client: number; readonly command: Command }
  | { readonly type: 'read'; readonly client: number; readonly id: number; readonly key: string }

export type SimEvent =
  | {
      readonly type: 'host'
      readonly host: number
      readonly boot: number
      readonly event: HostEvent
    }
  /** Messages and requests from outside find whichever start of the host is there. */
  | { readonly type: 'arrival'; readonly host: number; readonly event: HostEvent }
  | { readonly type: 'start'; readonly host: number }
  | { readonly type: 'fault'; readonly kind: FaultKind }
  | { readonly type: 'undo'; readonly undo: Undo }
  | { readonly type: 'client'; readonly event: ClientEvent }

export type Undo =
  | { readonly type: 'join'; readonly links: readonly (readonly [from: number, to: number])[] }
  | { readonly type: 'resume'; readonly host: number }

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
