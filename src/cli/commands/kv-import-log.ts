/**
 * What `log read --as changes` printed, into another cluster: every operation at the rev that it had, so that the
 * end is the same state with the same `kv.hash`, and feeds with the same records (kv-import-feeds.ts). What is there
 * already is skipped: a run that was cut short is repeated whole, once a look at the newest keys and records says that
 * the copy is what was read up to there (CopyCheck).
 */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import type { Client } from '../../client/client.ts'
import type { Params } from '../../client/method-call.ts'
import { objects } from '../cluster-nodes.ts'
import type { Context } from '../context.ts'
import { UsageError } from '../usage-error.ts'
import { CopyCheck } from './kv-import-check.ts'
import { FeedCopy } from './kv-import-feeds.ts'

type Operation = Params<'kv.import'>['operations'][number]

/** Of one call. */
const OPERATIONS = 256
const BYTES = 512 * 1024
/** A sentence on the way, after so many operations. */
const TELL_EVERY = 20_000

export const isLogEntry = (record: Json): record is JsonObject =>
  isObject(record) && Array.isArray(record['changes'])

export class LogImport {
  readonly #context: Context
  readonly #client: Client
  readonly #meta: JsonObject
  /** The rev of the next operation; the first that waits has one less for each that waits. */
  #next: number
  #told: number
  /** Operations of the next call. */
  #waiting: Operation[] = []
  #bytes = 0
  /** Keys whose time to live had passed before the next operation. */
  #expired: Operation[number][] = []
  /** Changes that are left out. */
  #others = 0
  /** Undefined: none was met. */
  #feeds: FeedCopy | undefined
  #isBegun = false
  /** Of what is skipped; undefined once it was compared. */
  #check: CopyCheck | undefined

  private constructor(context: Context, client: Client, meta: JsonObject, reached: number) {
    this.#context = context
    this.#client = client
    this.#meta = meta
    this.#next = reached + 1
    this.#told = reached
    if (reached > 0) this.#check = new CopyCheck(client, meta, reached)
  }

  static async begin(context: Context, client: Client, meta: JsonObject): Promise<LogImport> {
    const { rev } = await client.call('kv.hash', meta)
    if (rev > 0) context.note(`the cluster is at rev ${rev}: what comes up to there is skipped`)
    return new LogImport(context, client, meta, rev)
  }

  /** One entry of the log; the next must follow it. */
  async add(entry: JsonObject, line: number): Promise<void> {
    const before = entry['revBefore']
    if (typeof before !== 'number') {
      throw new UsageError(`line ${line} has no revBefore: it must come from viewstamp log read`)
    }
    this.#refuseGap(entry, before)
    this.#check?.reads(before)
    await this.#fill(before)
    const changes = objects(entry['changes'])
    if (changes.some(({ machine }) => machine === 'feed')) {
      this.#feeds ??= await FeedCopy.begin(this.#client, this.#meta)
    }
    const ours = changes.filter(({ machine }) => machine === 'kv' || machine === 'feed')
    this.#others += changes.length - ours.length
    for (const [rev, operation] of byRev(ours)) {
      // Its time to live passed before the operations of this entry, which takes no rev.
      if (rev <= before) {
        if (before + 1 === this.#next) this.#expired.push(...this.#taken(operation))
        this.#check?.expired(operation)
      } else if (rev < this.#next) this.#check?.skipped(rev, operation)
      else {
        await this.#fill(rev - 1)
        await this.#push(this.#taken(operation))
      }
    }
  }

  #taken(changes: readonly JsonObject[]): Operation[number][] {
    return changes.flatMap(change =>
      change['machine'] === 'feed' ? (this.#feeds?.take(change) ?? []) : ofKey(change),
    )
  }

  /** The first entry says whether what is here leads up to it. */
  #refuseGap({ op }: JsonObject, before: number): void {
    if (this.#isBegun) return
    this.#isBegun = true
    if (before < this.#next || op === 1) return
    throw new UsageError(
      `what was read begins at op ${op}, behind rev ${before}, and this cluster is at rev ${this.#next - 1}: what lies between is missing. Read from an earlier op; if the log is no longer kept down to there, begin with a snapshot`,
    )
  }

  /** What changed nothing took a rev, too. */
  async #fill(rev: number): Promise<void> {
    while (this.#next <= rev) await this.#push([])
  }

  /** Before the first operation that goes on from what is there. */
  async #compare(): Promise<void> {
    const check = this.#check
    this.#check = undefined
    await check?.run()
  }

  async #push(changes: Operation): Promise<void> {
    await this.#compare()
    const operation = [...this.#expired, ...changes]
    this.#expired = []
    this.#waiting.push(operation)
    this.#next++
    this.#bytes += JSON.stringify(operation).length
    if (this.#waiting.length >= OPERATIONS || this.#bytes >= BYTES) await this.#send()
  }

  async #send(): Promise<void> {
    const operations = this.#waiting
    if (operations.length === 0) return
    this.#waiting = []
    this.#bytes = 0
    const rev = this.#next - operations.length
    await this.#client.call('kv.import', { rev, operations, ...this.#meta })
    if (this.#next - this.#told < TELL_EVERY) return
    this.#told = this.#next - 1
    this.#context.note(`rev ${this.#told}`)
  }

  async end(): Promise<void> {
    if (this.#check?.isShort) this.#context.note(this.#check.short)
    else await this.#compare()
    await this.#send()
    const { hash, rev, machines } = await this.#client.call('kv.hash', this.#meta)
    const others = this.#others
    if (others > 0) this.#context.note(`${others} changes of other state machines were left out`)
    for (const line of this.#feeds?.summary ?? []) this.#context.note(line)
    this.#context.note(
      this.#feeds === undefined
        ? `at rev ${rev}, hash ${hash}`
        : `at rev ${rev}, hash of the keys ${machines['kv']}: machines.kv of kv.hash there and here`,
    )
  }
}

/** The changes of each operation of an entry. */
function byRev(changes: readonly JsonObject[]): Map<number, JsonObject[]> {
  const operations = new Map<number, JsonObject[]>()
  for (const change of changes) {
    const rev = Number(change['rev'])
    const operation = operations.get(rev)
    if (operation) operation.push(change)
    else operations.set(rev, [change])
  }
  return operations
}

/** What kv.import wants to know of a key. */
function ofKey({ key, value, createRev, version, expiresMs }: JsonObject): Operation[number] {
  const members = Object.entries({ key, value, createRev, version, expiresMs })
  const there = members.filter(([, member]) => member !== undefined)
  return Object.fromEntries(there) as unknown as Operation[number]
}
