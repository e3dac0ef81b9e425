/**
 * What was seen of the peers, in a small file of its own that is replaced as a whole: written beside,
 * synced, renamed, directory synced. Two lines: JSON, and the SHA-256/128 of that line.
 */
import { readFile } from 'node:fs/promises'
import { assert } from '../base/assert.ts'
import { utf8 } from '../base/bytes.ts'
import { digest } from '../base/hash.ts'
import { isObject } from '../base/json.ts'
import type { PeerSeen } from './port.ts'
import { Damage, UnknownFormat } from './refusal.ts'
import { replaceFile } from './replace-file.ts'

const FORMAT = 1
/** More than a cluster has members in its life. */
const PEERS_MAX = 10_000

export class PeersFile {
  readonly #path: string
  readonly #seen: Map<string, PeerSeen>
  /** The last write asked for; each waits for the one before. */
  #tail: Promise<void> = Promise.resolve()
  #isQueued = false

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
    const isKnown = known?.incarnation === incarnation && known.boot === boot
    if (isKnown && known.nonce === nonce) return this.#tail
    assert(
      known !== undefined || this.#seen.size < PEERS_MAX,
      'there are fewer peers than PEERS_MAX',
    )
    this.#seen.set(peerId, { incarnation, boot, ...(nonce !== undefined && { nonce }) })
    if (!this.#isQueued) {
      this.#isQueued = true
      this.#tail = this.#tail.then(() => {
        this.#isQueued = false
        return replaceFile(this.#path, encodePeersFile(this.#seen))
      })
    }
    return this.#tail
  }

  /** All writes asked for have ended, well or not. */
  async settled(): Promise<void> {
    await this.#tail.catch(() => undefined)
  }
}

export function encodePeersFile(seen: ReadonlyMap<string, PeerSeen>): string {
  const peers = [...seen].map(([peerId, { incarnation, boot, nonce }]) => [
    peerId,
    incarnation,
    boot,
    ...(nonce === undefined ? [] : [nonce]),
  ])
  const line = JSON.stringify({ format: FORMAT, peers })
  return `${line}\n${digest(utf8(line))}\n`
}

/** Throws Damage and UnknownFormat. */
export function decodePeersFile(text: string): Map<string, PeerSeen> {
  const [line = '', check, end, ...more] = text.split('\n')
  if (end !== '' || more.length > 0 || digest(utf8(line)) !== check) {
    throw new Damage('it does not match its checksum')
  }
  const table = tableOf(line)
  if (table['format'] !== FORMAT) throw new UnknownFormat(Number(table['format']))
  const rows = table['peers']
  if (!Array.isArray(rows)) throw new Damage('it is not a table of peers')
  return new Map(rows.map(rowOf))
}

function tableOf(line: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new Damage('it is not JSON')
  }
  if (!isObject(value)) throw new Damage('it is not a table of peers')
  return value
}

function rowOf(row: unknown): [string, PeerSeen] {
  const [peerId, incarnation, boot, nonce]: unknown[] = Array.isArray(row) ? row : []
  const named = typeof peerId === 'string' && typeof incarnation === 'string'
  const counted = typeof boot === 'number' && Number.isSafeInteger(boot) && boot >= 0
  if (!named || !counted || (nonce !== undefined && typeof nonce !== 'string')) {
    throw new Damage('one of its rows is not of a peer')
  }
  return [
    peerId,
    { incarnation, boot: boot === 0 ? 0 : boot, ...(nonce !== undefined && { nonce }) },
  ]
}
