/**
 * Walks a log upwards: dense, each entry whole, each the child of the one before, up to what the witnesses
 * know. What is not so is damaged, and known all the same: the last of a run of damaged entries by the one
 * behind it, or by the witness (decision 0018; src/vr/repair.ts fetches them).
 *
 * Where the log ends above the witnesses with a damaged entry nothing tells what stood there, and at or below the
 * checkpoint nothing rests on it: the one is refused, and the log begins behind the other.
 */
import { present } from '../base/assert.ts'
import type { Damage as DamagedLog, DamagedRun } from '../vr/repair.ts'
import type { Checksum } from '../vr/terms.ts'
import { opNumber as asOp } from '../vr/terms.ts'
import { unseal } from './envelope.ts'
import { decodeLogKey } from './keys.ts'
import type { LogPosition } from './log-index.ts'
import { LogIndex, UNKNOWN_VIEW } from './log-index.ts'
import type { Manifest } from './manifest.ts'
import { Damage } from './refusal.ts'
import type { EntryLink } from './values.ts'
import { auditEntry } from './values.ts'
import type { Witness } from './witness-file.ts'

interface Run {
  first: number
  last: number
  /** Of the entry at `last`, once it is known. */
  checksum: Checksum | undefined
}

export class LogAudit {
  readonly #shard: number
  readonly #manifest: Manifest
  readonly #witnesses: readonly Witness[]
  /** The highest op of them. */
  readonly #known: number
  readonly #stale: LogPosition[] = []
  readonly #runs: Run[] = []
  #index: LogIndex | undefined
  /** Of the op before, where that is whole. */
  #previous: Checksum | undefined
  /** Checksums at the ops of the witnesses, where the log or the checkpoint has them. */
  readonly witnessed = new Map<number, Checksum>()

  constructor(shard: number, manifest: Manifest, witnesses: readonly Witness[]) {
    this.#shard = shard
    this.#manifest = manifest
    this.#witnesses = witnesses
    this.#known = Math.max(...witnesses.map(witness => witness.opNumber))
    this.#note(manifest.checkpoint.opNumber, manifest.checkpoint.checksum)
  }

  get #checkpointed(): number {
    return this.#manifest.checkpoint.opNumber
  }

  get index(): LogIndex {
    this.#index ??= new LogIndex(this.#checkpointed + 1)
    return this.#index
  }

  get headChecksum(): Checksum {
    const { head } = this.index
    if (head <= this.#checkpointed) return this.#manifest.checkpoint.checksum
    const run = this.#runs.at(-1)
    return present(run?.last === head ? run.checksum : this.#previous, 'the head is known')
  }

  /** Behind the checkpoint; undefined: nothing is damaged. */
  get damage(): DamagedLog | undefined {
    if (this.#runs.length === 0) return undefined
    const runs = this.#runs.map(
      ({ first, last, checksum }): DamagedRun => ({
        first: asOp(first),
        last: asOp(last),
        checksum: present(checksum, 'every run has its end'),
      }),
    )
    return { head: asOp(this.index.head), runs }
  }

  take(key: Buffer, value: Buffer): void {
    const position = decodeLogKey(key)
    const op = position.opNumber
    if (op < this.#manifest.logFirst) {
      this.#stale.push(position)
      return
    }
    this.#index ??= this.#begin(op)
    if (op <= this.index.head) {
      throw new Damage(`shard ${this.#shard} has two entries at op ${op}`)
    }
    this.#lack(op - 1)
    const link = this.#linkOf(key, value)
    if (link === undefined) this.#damaged(position)
    else this.#whole(position, link)
  }

  end(): void {
    this.#lack(Math.max(this.#checkpointed, this.#known))
    const run = this.#runs.at(-1)
    if (run !== undefined && run.last === this.index.head) {
      const head = this.#witnesses.find(witness => witness.opNumber === run.last)
      if (head === undefined) {
        throw new Damage(
          `entry ${run.last} of shard ${this.#shard} cannot be read, and nothing tells what stood there`,
        )
      }
      run.checksum = head.checksum
    }
    for (const { opNumber } of this.#witnesses) this.#assertNotContradicted(opNumber)
    for (const position of this.#stale) this.index.addStale(position)
  }

  /** The first entry may be older than the checkpoint, or follow it; the chain then starts there. */
  #begin(op: number): LogIndex {
    if (op <= this.#checkpointed) return new LogIndex(op)
    this.#previous = this.#manifest.checkpoint.checksum
    return new LogIndex(this.#checkpointed + 1)
  }

  /** An entry that checks by itself; the one before is not what was there if this one does not follow it. */
  #whole(position: LogPosition, { checksum, parent }: EntryLink): void {
    const op = position.opNumber
    const { checkpoint } = this.#manifest
    if (this.#previous !== undefined && parent !== this.#previous) {
      if (op - 1 === checkpoint.opNumber) {
        throw new Damage(`entry ${op} of shard ${this.#shard} does not follow its checkpoint`)
      }
      this.#mark(op - 1)
    }
    const run = this.#runs.at(-1)
    if (run?.last === op - 1) run.checksum = parent
    if (op === checkpoint.opNumber && checksum !== checkpoint.checksum) {
      return this.#damaged(position)
    }
    this.#note(op, checksum)
    this.#previous = checksum
    this.index.append(position.viewNumber)
  }

  /** Its key is there, and what stands under it is not what was written. */
  #damaged(position: LogPosition): void {
    this.index.append(position.viewNumber)
    this.#mark(position.opNumber)
  }

  /** Everything up to `op` that has no key. */
  #lack(op: number): void {
    while (this.index.head < op) {
      this.index.append(UNKNOWN_VIEW)
      this.#mark(this.index.head)
    }
  }

  /** This op, the head or the one before the next, is not what it was. */
  #mark(op: number): void {
    this.#previous = undefined
    if (op <= this.#checkpointed) {
      const below = this.index.truncateFrom(this.index.first)
      this.#stale.push(...below.filter(({ viewNumber }) => viewNumber !== UNKNOWN_VIEW))
      this.#index = new LogIndex(op + 1)
      if (op === this.#checkpointed) this.#previous = this.#manifest.checkpoint.checksum
      return
    }
    const run = this.#runs.at(-1)
    if (run?.last === op - 1) run.last = op
    else this.#runs.push({ first: op, last: op, checksum: undefined })
  }

  #note(op: number, checksum: Checksum): void {
    if (this.#witnesses.some(witness => witness.opNumber === op)) this.witnessed.set(op, checksum)
  }

  /** What a witness confirms is not damaged, whatever follows. */
  #assertNotContradicted(op: number): void {
    const isMarked = this.#runs.some(({ first, last }) => first <= op && op <= last)
    if (!isMarked || !this.witnessed.has(op)) return
    throw new Damage(`entry ${op + 1} of shard ${this.#shard} does not follow the one before`)
  }

  #linkOf(key: Buffer, value: Buffer): EntryLink | undefined {
    try {
      return auditEntry(this.#shard, key, unseal(key, value))
    } catch (error) {
      if (error instanceof Damage) return undefined
      throw error
    }
  }
}
