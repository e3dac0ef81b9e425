/** What chaos.* may ask: faults put into one node on purpose, and what is in force there. */

/** Seen from the node that has the fault: frames that it gets, those that it sends, or both. */
export type Direction = 'both' | 'in' | 'out'

/** Which frames a fault of the network concerns. */
export interface Reach {
  /** Names of the other nodes, in order. */
  readonly peers: readonly string[]
  readonly direction: Direction
  /** Frames of this shard only; undefined: whatever travels between the nodes. */
  readonly shard?: string | undefined
}

export type Fault =
  | ({ readonly kind: 'partition' } & Reach)
  | ({ readonly kind: 'drop'; readonly rate: number } & Reach)
  | ({ readonly kind: 'delay'; readonly ms: number; readonly jitterMs: number } & Reach)
  | { readonly kind: 'slow-disk'; readonly ms: number }
  | { readonly kind: 'pause' }

export interface FaultStatus {
  /** f1, f2 …, new for each fault of this process. */
  readonly id: string
  readonly kind: Fault['kind']
  /** The fault as a sentence without its subject: `cut off from n2`. */
  readonly text: string
  readonly fault: Fault
  readonly ageMs: number
  /** It ends by itself after this; null: when it is healed. */
  readonly leftMs: number | null
}

export interface ChaosStatus {
  readonly node: string
  readonly paused: boolean
  readonly faults: readonly FaultStatus[]
}

/** What becomes of a process that ends itself. */
export interface Ending {
  readonly pid: number
  /** Whoever started the process starts it again. */
  readonly comesBack: boolean
  /** The line that starts it again by hand. */
  readonly run: string
}

export interface ChaosApi {
  readonly node: string
  /** All nodes but this one, standbys included. */
  readonly others: readonly string[]
  readonly shards: readonly string[]
  status(): ChaosStatus
  /** Replaces a fault of the same kind and reach. Ends by itself after `forMs`. */
  inject(fault: Fault, forMs?: number): ChaosStatus
  /** Ends every fault, or those of one kind. Gives how many there were. */
  heal(kind?: Fault['kind']): number
  /** Ends the process at once, as kill -9 does, when the answer has been handed to the system. */
  kill(): Ending
  /** The same, and asks whoever started it to start it again. */
  restart(): Ending
}
