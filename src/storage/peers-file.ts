/**
 * What was seen of the peers, in a small file of its own that is replaced as a whole: written beside,
 * synced, renamed, directory synced. Two lines: JSON, and the SHA-256/128 of that line.
 *
 * A peer's life is durable when `note` resolves. What it promised is known in memory at once, and goes along
 * with the next write, which comes within a second: no entry waits for it.
 */
import { readFile } from 'node:fs/promises'
import { assert } from '../base/assert.ts'
import { type Promised, raised } from '../wire/promised.ts'
import { decodePeersFile, encodePeersFile } from './peers-format.ts'
import type { PeerSeen } from './port.ts'
import { replaceFile } from './replace-file.ts'

/** More than a cluster has members in its life. */
const PEERS_MAX = 10_000
/** How much of what was promised last a restart may forget. */
const PROMISES_MS = 1000

export class PeersFile {
  readonly #path: string
  readonly #seen: Map<string, PeerSeen>
  /** The last write asked for; each waits for the one before. */
  #tail: Promise<void> = Promise.resolve()
  #isQueued = false
  #timer: NodeJS.Timeout | undefined

  private constructor(path: string, seen: Map<string, PeerSeen>) {
    this.#path = path
    this.#seen = seen
  }

  static create(path: string): Promise<void> {
    return replaceFile(path, encodePeersFile(new Map()))
  }

  /** Throws Damage and UnknownFormat. */
  static async open(path: string): Promise<PeersFile> {
    return new PeersFile(path, decodePeersFile(await readFile(path, 'utf8')))
  }

  get size(): number {
    return this.#seen.size
  }

  get(peerId: string): PeerSeen | undefined {
    return this.#seen.get(peerId)
  }

  /** Durable when it resolves. Calls that come while the disk is busy share the next write. */
  note(peerId: string, seen: PeerSeen): Promise<void> {
    const known = this.#seen.get(peerId)
    const { incarnation, boot, nonce } = seen
    const isSame = known?.incarnation === incarnation
    if (isSame && known.boot === boot && known.nonce === nonce) return this.#tail
    assert(
      known !== undefined || this.#seen.size < PEERS_MAX,
      'there are fewer peers than PEERS_MAX',
    )
    // A later incarnation has promised nothing: it has forgotten, and knows.
    const promised = isSame ? known.promised : undefined
    const life = { incarnation, boot, ...(nonce !== undefined && { nonce }) }
    this.#seen.set(peerId, promised === undefined ? life : { ...life, promised })
    return this.#write()
  }

  raise(peerId: string, shard: number, more: Promised): void {
    const seen = this.#seen.get(peerId)
    if (seen === undefined) return
    const known = seen.promised?.[shard]
    const promised = raised(known, more)
    if (promised === known) return
    const all = seen.promised === undefined ? [] : (seen.promised as (Promised | undefined)[])
    while (all.length <= shard) all.push(undefined)
    all[shard] = promised
    if (seen.promised === undefined) this.#seen.set(peerId, { ...seen, promised: all })
    // Its error comes out of the next note: the disk that fails here fails commits as well.
    this.#timer ??= setTimeout(() => void this.#write().catch(() => undefined), PROMISES_MS)
  }

  #write(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.#isQueued) {
      this.#isQueued = true
      this.#tail = this.#tail.then(() => {
        this.#isQueued = false
        return replaceFile(this.#path, encodePeersFile(this.#seen))
      })
    }
    return this.#tail
  }

  /** All writes asked for have ended, well or not; what was raised is written. */
  async settled(): Promise<void> {
    const last = this.#timer === undefined ? this.#tail : this.#write()
    await last.catch(() => undefined)
  }
}
