/** What a directory is to hold beside what the simulated disk knows: changes, peers, entries that were trimmed. */
import type { Job } from '../../sim/disk.ts'
import { headOf, type Image } from '../../sim/disk.ts'
import type { PeerSeen, ShardImage, ShardWrite, Store } from '../../storage/port.ts'
import { slotsOf } from '../../storage/witness-file.ts'
import type { Seen } from '../../wire/hello.ts'
import { type Promised, raised } from '../../wire/promised.ts'
import { assertSame, Mismatch } from './compare.ts'
import { peerOf } from './directory.ts'

/** What a peer promised is durable so much later: a timer, and what it does. */
const PROMISES_MS = 1020
const textAt = (op: number): string => `the changes of ${op}`

type Head = { readonly opNumber: number; readonly checksum: string } | undefined

interface Heard {
  readonly atMs: number
  readonly peer: number
  readonly promised: Promised
}

export class Expected {
  /** Checksums of all entries that may be there. */
  archive = new Map<number, string>()
  /** Ops whose changes are durable. */
  #changes = new Set<number>()
  #met = new Map<number, Seen>()
  #heard: Heard[] = []
  /** The checkpoint that is durable. */
  checkpoint = 0
  /** Changes up to here have been written since the start. */
  #changed = 0
  /** Head of the log; undefined until something is written of it since the start. */
  #witness: Head

  copy(): Expected {
    const copy = new Expected()
    copy.archive = new Map(this.archive)
    copy.#changes = new Set(this.#changes)
    copy.#met = new Map(this.#met)
    copy.#heard = [...this.#heard]
    copy.checkpoint = this.checkpoint
    copy.#changed = this.#changed
    return copy
  }

  /** Of the log, as far as it is known: what is installed may reach further. */
  get head(): number {
    return Math.max(this.checkpoint, ...this.archive.keys())
  }

  applied(job: Job): void {
    if (job.type === 'checkpoint') this.checkpoint = job.id.opNumber
    if (job.type !== 'write') return
    const { install, truncateFrom, append, repair } = job
    if (install) this.checkpoint = install.opNumber
    for (const op of [...this.archive.keys()]) {
      const isCut = truncateFrom !== undefined && op >= truncateFrom
      if (isCut || op <= (install?.opNumber ?? 0)) this.archive.delete(op)
    }
    for (const entry of [...append, ...(repair ?? [])]) {
      this.archive.set(entry.opNumber, entry.checksum)
    }
  }

  /** With all of it durable, the file beside the database knows the head: what is damaged there later can be repaired. */
  assertWitnessed(file: Buffer): void {
    if (this.#witness === undefined) return
    const { opNumber, checksum } = this.#witness
    const [slot] = slotsOf(file, 1)
    const [found, expected] = [
      [slot?.opNumber, slot?.checksum],
      [opNumber, checksum],
    ]
    assertSame('the witness', found, expected, 'store-witnesses')
  }

  /** Changes of entries that are executed, as a node writes them: lazily, before the next checkpoint is complete. */
  changesUpTo(op: number): ShardWrite | undefined {
    if (op <= this.#changed) return undefined
    const changes: { opNumber: number; text: string }[] = []
    for (let at = this.#changed + 1; at <= op; at++)
      changes.push({ opNumber: at, text: textAt(at) })
    this.#changed = op
    return { shard: 0, changes }
  }

  durable(writes: readonly ShardWrite[]): void {
    for (const write of writes) {
      this.#witness = headBehind(write, this.#witness)
      for (const each of write.changes ?? []) this.#changes.add(each.opNumber)
    }
  }

  met(peer: number, life: Seen): PeerSeen {
    if (this.#met.get(peer)?.incarnation !== life.incarnation) {
      this.#heard = this.#heard.filter(heard => heard.peer !== peer)
    }
    this.#met.set(peer, life)
    const { incarnation, boot, nonce } = life
    return { incarnation, boot, ...(nonce !== undefined && { nonce }) }
  }

  heard(atMs: number, by: ReadonlyMap<number, Promised>): void {
    for (const [peer, promised] of by) {
      if (this.#met.has(peer)) this.#heard.push({ atMs, peer, promised })
    }
  }

  /** A start that was given this, by a process that ended at that time. */
  async compare(store: Store, image: Image, endedMs: number): Promise<void> {
    this.#comparePeers(store, endedMs)
    const head = headOf(image)
    const found = new Map(
      (await store.readChanges(0, image.first, head)).map(({ opNumber, text }) => [opNumber, text]),
    )
    for (const [op, text] of found) assertSame(`the changes of ${op}`, text, textAt(op))
    for (const op of this.#changes) {
      if (op < image.first || op > head || found.has(op)) continue
      throw new Mismatch('store-restores', `the changes of entry ${op} are gone`)
    }
  }

  #comparePeers(store: Store, endedMs: number): void {
    for (const [peer, { incarnation, boot, nonce }] of this.#met) {
      const seen = store.peerSeen(peerOf(peer))
      const life = [seen?.incarnation, seen?.boot, seen?.nonce]
      assertSame(`what is known of peer ${peer}`, life, [incarnation, boot, nonce])
      const promised = seen?.promised?.[0]
      for (const heard of this.#heard) {
        if (heard.peer !== peer || heard.atMs + PROMISES_MS > endedMs) continue
        if (promised !== undefined && raised(promised, heard.promised) === promised) continue
        const [what, known] = [heard.promised, promised].map(each => JSON.stringify(each))
        const when = `heard at ${heard.atMs} ms, ended at ${endedMs} ms`
        throw new Mismatch(
          'store-restores',
          `peer ${peer} promised ${what}, known is ${known}, ${when}`,
        )
      }
    }
  }

  /** A process of which the run knows nothing took the place of another. */
  restarted(nowMs: number): void {
    this.#changed = this.checkpoint
    this.#witness = undefined
    this.#heard = this.#heard.filter(({ atMs }) => atMs + PROMISES_MS <= nowMs)
  }

  /** A start is over: from here on things happen again. */
  started(image: Image, { first }: ShardImage): void {
    this.checkpoint = image.checkpoint.opNumber
    this.#changed = this.checkpoint
    this.#witness = undefined
    for (const op of [...this.archive.keys()]) if (op < first) this.archive.delete(op)
    // What was not durable then was forgotten by its process.
    this.#heard = []
  }

  /** Its data was replaced; what it knew of its peers was not, unless that is gone as well. */
  replaced(withPeers: boolean): void {
    this.archive.clear()
    this.#changes.clear()
    if (withPeers) return
    this.#met.clear()
    this.#heard = []
  }
}

/** Undefined: what is written says nothing of it. */
function headBehind({ truncateFrom, keptHead, install, append }: ShardWrite, before: Head): Head {
  let head = before
  if (truncateFrom !== undefined) {
    head = keptHead && { opNumber: truncateFrom - 1, checksum: keptHead }
  }
  if (install && head && install.opNumber >= head.opNumber) head = install
  return append?.at(-1) ?? head
}
