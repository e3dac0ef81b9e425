/** Who the replicas of a shard are, and how many of them decide. VRR §2, §4. */
import type { EpochNumber, ReplicaNumber, ViewNumber } from './terms.ts'
import { replicaNumber } from './terms.ts'

export interface Configuration {
  readonly epochNumber: EpochNumber
  /** n. Every replica is a voter; numbers from n on are standbys (standby.ts). */
  readonly replicaCount: number
  /** Spreads the primaries of many shards over the nodes; 0 is the paper's round-robin. */
  readonly primaryOffset: number
}

/** The primary of view v is configuration[v mod n]. §4 */
export function primaryOf(configuration: Configuration, view: ViewNumber): ReplicaNumber {
  return replicaNumber((view + configuration.primaryOffset) % configuration.replicaCount)
}

/** A majority: any two quorums share a replica, for replication and for view changes alike. §2.2 */
export function quorumOf(configuration: Configuration): number {
  return Math.floor(configuration.replicaCount / 2) + 1
}

export function replicasOf(configuration: Configuration): ReplicaNumber[] {
  return Array.from({ length: configuration.replicaCount }, (_, i) => replicaNumber(i))
}
