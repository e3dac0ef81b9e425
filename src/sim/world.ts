/** What the properties may look at: the hosts from outside, and what is known to be committed. */
import type { Replica } from '../vr/state.ts'
import type { Image } from './disk.ts'
import type { History } from './history.ts'
import type { SimOptions } from './options.ts'

export interface HostView {
  readonly number: number
  /** Counts starts: a restarted replica is another one to some properties. */
  readonly boot: number
  /** Counts losses of the disk. */
  readonly wipes: number
  /** It runs on data that is not its own, and does not know yet: the properties are not about it. */
  readonly isImpostor: boolean
  /** `undefined` while the host is down. */
  readonly replica: Replica | undefined
  readonly image: Image
}

/** An entry as the first replica that executed it had it: from then on it is *the* entry of its op. */
export interface Committed {
  readonly opNumber: number
  readonly viewNumber: number
  readonly checksum: string
  readonly parent: string
  readonly atMs: number
  /** View of the replica that executed it first: it was committed in this view or an earlier one. */
  readonly committedBy: number
}

export interface World {
  readonly options: SimOptions
  readonly quorum: number
  readonly hosts: readonly HostView[]
  readonly history: History
  /** Ops 1 …: committed[n - 1] is op n. */
  readonly committed: Committed[]
  /** Replicas that were healed for good; empty during the safety phase. */
  readonly core: readonly number[]
  nowMs: number
}
