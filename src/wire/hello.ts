/**
 * What two members of a founded cluster say of themselves first on every connection, and how each
 * judges the other: same cluster, same founding, and the same life of the node as seen before.
 * A replica that cannot prove it kept its promises must not vote. The daemon's network
 * and the simulator's run this same code; its bytes are made in src/network/hello.ts.
 */
import { forgotten, type Promised, type Standing } from './promised.ts'

export const PROTOCOL_VERSION = 1

export interface Seen {
  readonly incarnation: string
  readonly boot: number
  /** Of the process that had this boot counter; not known from a founding. */
  readonly nonce?: string | undefined
  /** What it promised, by shard; a lower bound. */
  readonly promised?: readonly (Promised | undefined)[] | undefined
}

export interface Hello {
  readonly version: number
  readonly clusterId: string
  readonly foundingId: string
  readonly name: string
  /** New whenever a data directory is made. */
  readonly incarnation: string
  /** Rises durably at every start of the daemon. */
  readonly bootCounter: number
  /** Random in every process: two of one boot counter are a copied data directory. */
  readonly instanceNonce: string
  readonly addresses: readonly string[]
  /** By shard, what the data directory held when this process started on it. */
  readonly standing?: readonly Standing[] | undefined
  /** The latest life of the receiver that the sender knows of, durably. */
  readonly seenOfYou?: Seen | undefined
}

export type Verdict =
  | { readonly type: 'accept' }
  /** As accept; the connections of the peer's former process are dead, and nobody has told us yet. */
  | { readonly type: 'restarted' }
  | { readonly type: 'refuse'; readonly reason: string; readonly fence: boolean }

/** A peer's process that we hold a live connection to. */
export interface LivePeer {
  readonly bootCounter: number
  readonly instanceNonce: string
  /** It was asked when the hello of another process came, and has answered. */
  readonly answers?: boolean
}

export interface Known {
  readonly seen: Seen | undefined
  readonly live: LivePeer | undefined
}

/** May the peer that says `theirs` take part with us? `reason` is a sentence about `theirs`. */
export function judgeHello(mine: Hello, theirs: Hello, known: Known): Verdict {
  const who = theirs.name
  const refuse = (reason: string): Verdict => ({ type: 'refuse', reason, fence: false })
  if (theirs.version !== mine.version) {
    return refuse(
      `${who} speaks version ${theirs.version} of the peer protocol and ${mine.name} version ${mine.version}: run the same release of viewstamp on both`,
    )
  }
  if (theirs.clusterId !== mine.clusterId) {
    return refuse(
      `${who} belongs to cluster "${theirs.clusterId}" and ${mine.name} to "${mine.clusterId}": correct the addresses or the data directory of one of them`,
    )
  }
  if (theirs.foundingId !== mine.foundingId) {
    return refuse(
      `${who} belongs to another founding of cluster "${mine.clusterId}" (${theirs.foundingId}, ours is ${mine.foundingId}): one of the two data directories is from another cluster of that name`,
    )
  }
  return judgeLife(theirs, known)
}

/**
 * A data directory that `viewstamp recover` made, later than the other was made: it has promised nothing,
 * and knows. `r` and the time, as 12 hex digits (storage/set-aside.ts); those of a founding begin otherwise.
 */
function succeeds(incarnation: string, other: string): boolean {
  return madeMs(incarnation) > madeMs(other)
}

const madeMs = (incarnation: string): number =>
  /^r[0-9a-f]{28}$/.test(incarnation) ? Number.parseInt(incarnation.slice(1, 13), 16) : 0

/** Is this the life of its node that comes next, or still the same? */
export function judgeLife(theirs: Hello, { seen, live }: Known): Verdict {
  const isOther = live !== undefined && live.instanceNonce !== theirs.instanceNonce
  if (isOther && live.answers === true) return twoOf(theirs.name)
  if (seen !== undefined && succeeds(theirs.incarnation, seen.incarnation)) {
    return isOther ? { type: 'restarted' } : { type: 'accept' }
  }
  const old = seen && oldnessOf(theirs, seen)
  if (old !== undefined) return { type: 'refuse', reason: old, fence: true }
  if (isOther) {
    return theirs.bootCounter > live.bootCounter ? { type: 'restarted' } : twoOf(theirs.name)
  }
  if (seen !== undefined && isAnother(seen, theirs)) {
    const reason = `${theirs.name} comes with old data (start number ${seen.boot} was another process): ${PUT_BACK} on ${theirs.name}`
    return { type: 'refuse', reason, fence: true }
  }
  return { type: 'accept' }
}

const PUT_BACK = 'its data directory was rolled back or copied; run "viewstamp recover"'

const twoOf = (who: string): Verdict => ({
  type: 'refuse',
  reason: `two daemons run as ${who} with the same identity and data: stop one of them and remove the copied data directory`,
  fence: true,
})

/** In what its data is not what was seen, or behind it. */
function oldnessOf(theirs: Hello, seen: Seen): string | undefined {
  const who = theirs.name
  if (seen.incarnation !== theirs.incarnation) {
    return `${who} comes with a new data directory (incarnation ${theirs.incarnation}, known is ${seen.incarnation}): a lost disk is another replica; run "viewstamp recover" on ${who}`
  }
  if (theirs.bootCounter < seen.boot) {
    return `${who} comes with old data (start number ${theirs.bootCounter}, ${seen.boot} was seen before): ${PUT_BACK} on ${who}`
  }
  const lacking = lackOf(theirs, seen)
  return lacking && `${who} comes with old data (${lacking}): ${PUT_BACK} on ${who}`
}

/** One start number, two processes: one of them started from a copy. */
function isAnother({ boot, nonce }: Seen, hello: Hello): boolean {
  return boot === hello.bootCounter && nonce !== undefined && nonce !== hello.instanceNonce
}

/**
 * What the data of this process lacks of what former ones promised. Not asked of the process that was seen
 * last: it goes on making promises, and has them in memory whatever its directory held when it started.
 */
function lackOf({ standing, instanceNonce }: Hello, seen: Seen | undefined): string | undefined {
  if (standing === undefined || seen?.promised === undefined) return undefined
  if (seen.nonce === instanceNonce) return undefined
  for (const [shard, disk] of standing.entries()) {
    const promised = seen.promised[shard]
    const lacking = promised && forgotten(disk, promised)
    if (lacking !== undefined) return standing.length > 1 ? `shard ${shard}: ${lacking}` : lacking
  }
  return undefined
}

/** The sentence on which this process must stop, if what a peer has seen of us says so. */
export function fencedBy(mine: Hello, peer: string, seen: Seen | undefined): string | undefined {
  if (seen === undefined) return undefined
  if (succeeds(mine.incarnation, seen.incarnation)) return undefined
  if (seen.incarnation !== mine.incarnation) {
    return `${peer} knows ${mine.name} with another data directory (incarnation ${seen.incarnation}, this one is ${mine.incarnation}): this one must not vote; stop it and run "viewstamp recover"`
  }
  if (isAnother(seen, mine)) {
    return `${peer} has seen start number ${seen.boot} of ${mine.name} as another process: the data directory was rolled back or copied; stop it and run "viewstamp recover"`
  }
  if (seen.boot > mine.bootCounter) {
    return `${peer} has seen start number ${seen.boot} of ${mine.name}, and this is only number ${mine.bootCounter}: the data directory was rolled back or copied; stop it and run "viewstamp recover"`
  }
  const lacking = lackOf(mine, seen)
  if (lacking !== undefined) {
    return `${peer} remembers more of ${mine.name} than its data directory does (${lacking}): it was rolled back or copied; stop it and run "viewstamp recover"`
  }
  return undefined
}
