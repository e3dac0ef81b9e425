/** The paper's numbers, each a type of its own. VRR §4, Figure 2. */
import type { Brand } from '../base/brand.ts'

/** Counts views within an epoch; the primary of view v is configuration[v mod n]. */
export type ViewNumber = Brand<number, 'view-number'>
/** Position of an entry in the log: 1, 2, 3 …; 0 is the empty log. */
export type OpNumber = Brand<number, 'op-number'>
/** Index of a replica in the configuration. */
export type ReplicaNumber = Brand<number, 'replica-number'>
/** Counts the requests of one client: 1, 2, 3 … */
export type RequestNumber = Brand<number, 'request-number'>
/** Counts configurations. §7 */
export type EpochNumber = Brand<number, 'epoch-number'>
/** Dense number of an operation in its shard's log (several may share one op): the user's `rev`. */
export type Rev = Brand<number, 'rev'>
/** 32 hex digits, the first half of SHA-256 over an entry's bytes. */
export type Checksum = Brand<string, 'checksum'>
/** Who sent a request: a session of the client-table. */
export type ClientId = Brand<string, 'client-id'>

export const viewNumber = (n: number): ViewNumber => n as ViewNumber
export const opNumber = (n: number): OpNumber => n as OpNumber
export const replicaNumber = (n: number): ReplicaNumber => n as ReplicaNumber
export const requestNumber = (n: number): RequestNumber => n as RequestNumber
export const epochNumber = (n: number): EpochNumber => n as EpochNumber
export const revOf = (n: number): Rev => n as Rev
export const checksumOf = (hex: string): Checksum => hex as Checksum
export const clientId = (id: string): ClientId => id as ClientId

export type Status = 'normal' | 'view-change' | 'recovering' | 'repairing'
