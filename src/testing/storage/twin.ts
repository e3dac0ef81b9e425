/**
 * One disk of a run, once more: what happened to the simulated one happens to a data directory under the real
 * storage code, and after every start, and in between, the code must say what the simulated replica was told.
 * A crash comes anywhere inside of the commit that was under way.
 */
import type { Prng } from '../../base/prng.ts'
import type { Image } from '../../sim/disk.ts'
import type { DiskEvent } from '../../sim/recorder.ts'
import type { ClusterRecord, Store } from '../../storage/port.ts'
import { StorageError, TextDamage } from '../../storage/port.ts'
import { Commits } from './commits.ts'
import {
  assertTexts,
  compareEntries,
  compareImage,
  compareRecords,
  findDamage,
  Mismatch,
} from './compare.ts'
import { hurtRows, ruin, tableOf } from './damage.ts'
import { type DataDirectory, peerOf } from './directory.ts'
import type { Directory as Folder } from './disk.ts'
import { Expected } from './expected.ts'
import { settled } from './fuse.ts'
import { compareRead } from './reads.ts'
import { isDamagedBehind, type Recorded } from './recording.ts'
import type { StorageTally } from './tally.ts'
import { advanceTo } from './timers.ts'

/** A directory as somebody copied it. */
export interface Copy {
  readonly folder: Folder
  readonly expected: Expected
  readonly boot: number
  readonly cluster: ClusterRecord
  readonly atMs: number
}

/** What a timer does has come to its end after this long. */
const TIMER_MS = 20

export class Twin {
  readonly #directory: DataDirectory
  readonly #commits: Commits
  readonly #prng: Prng
  readonly #tally: StorageTally
  readonly #copies: Map<Image, Copy>
  /** What the next start finds instead of a directory in order. */
  #before: 'nothing' | 'lost' | 'ruined' | 'hurt' | undefined = 'nothing'
  #refusals: readonly string[] = []
  #endedMs = 0
  /** When the first timer was due whose doings may not be over. */
  #firedMs: number | undefined
  #atMs = 0

  constructor(directory: DataDirectory, prng: Prng, tally: StorageTally, copies: Map<Image, Copy>) {
    this.#directory = directory
    this.#commits = new Commits(directory, prng, tally)
    this.#prng = prng
    this.#tally = tally
    this.#copies = copies
  }

  get atMs(): number {
    return this.#atMs
  }

  /** `last`: what the simulated disk holds in the end. */
  async run(events: readonly Recorded[], last: Image): Promise<void> {
    for (const [i, { atMs, event }] of events.entries()) {
      await this.#advance(atMs)
      if (event.type === 'crashed') await this.#crash(isDamagedBehind(events, i))
      else await this.#on(event, events[i + 1]?.event.type === 'crashed')
    }
    await this.#crash(false)
    // Nobody started it any more; what is there must be so all the same.
    if (this.#before !== undefined || last.damaged || last.condemned !== undefined) return
    await this.#start({ type: 'started', image: last, damage: undefined, lost: undefined })
  }

  /** A crash right behind a timer may come in the middle of what it does. */
  async #advance(atMs: number): Promise<void> {
    const firedMs = advanceTo(atMs)
    this.#firedMs ??= firedMs
    this.#atMs = atMs
    if (this.#firedMs === undefined || this.#firedMs + TIMER_MS > atMs) return
    this.#firedMs = undefined
    await settled()
  }

  /** `isLast`: a crash comes next. */
  async #on(event: DiskEvent, isLast: boolean): Promise<void> {
    switch (event.type) {
      case 'submitted':
        return this.#commits.submitted(event.job)
      case 'applied':
        return this.#commits.applied(event.job, {
          isLast,
          isHurt: this.#before !== undefined,
          atMs: this.#atMs,
        })
      case 'started':
        return this.#start(event)
      case 'hurt':
        await this.#commits.flush()
        this.#tally.hurts += event.hurts.length
        this.#before ??= 'hurt'
        for (const hurt of event.hurts) hurtRows(tableOf(this.#directory.folder), hurt, this.#prng)
        return
      case 'lost':
        return this.#lose(event.hasSuperblock)
      case 'copied':
        await this.#commits.flush()
        return this.#copy(event.copy)
      case 'put-back':
        return this.#putBack(event.copy)
      case 'met':
        return this.#commits.store?.notePeer(
          peerOf(event.peer),
          this.#commits.expected.met(event.peer, event.life),
        )
      case 'promised':
        this.#commits.expected.heard(this.#atMs, event.by)
        for (const [peer, promised] of event.by)
          this.#commits.store?.notePromise(peerOf(peer), 0, promised)
        return
      case 'read':
        if (this.#commits.store === undefined || this.#prng.chance(0.5)) return
        await this.#commits.flush()
        this.#tally.reads++
        return compareRead(this.#commits.store, event, {
          isHurt: this.#before === 'hurt',
          archive: this.#commits.expected.archive,
        })
      case 'condemned':
        return this.#commits.store?.condemn(event.why)
    }
  }

  async #crash(isDamaged: boolean): Promise<void> {
    if (this.#commits.store === undefined) return
    await this.#commits.crash(isDamaged)
    this.#endedMs = this.#atMs
  }

  // Starts.

  async #start({ image, damage, lost }: Extract<DiskEvent, { type: 'started' }>): Promise<void> {
    this.#tally.starts++
    const isSound = damage === undefined && lost === undefined
    const how = isSound ? 'power' : 'process'
    if (this.#before === 'nothing') await this.#directory.found('founded')
    if (this.#before === 'lost') await this.#directory.found('recovered')
    let store: Store
    if (lost === undefined) store = await this.#directory.open(this.#refusals, how)
    else {
      store = await this.#openLost(lost)
      this.#commits.expected.replaced(true)
    }
    this.#commits.store = store
    const [found] = store.shards
    if (found === undefined) throw new Mismatch('store-restores', 'it has no shard')
    compareImage(found, image, damage)
    await compareEntries(store, image, damage, this.#commits.expected.archive)
    await compareRecords(store, image)
    assertTexts(tableOf(this.#directory.folder))
    await this.#commits.expected.compare(store, image, this.#endedMs)
    this.#commits.expected.started(image, found)
    this.#before = damage === undefined ? undefined : 'hurt'
    this.#refusals = []
  }

  /** What the simulated start set aside is refused, or found out by whoever reads it. */
  async #openLost({ why, image }: { why: string; image: Image }): Promise<Store> {
    const directory = this.#directory
    const damaged = ['damaged', 'rolled-back']
    if (image.condemned !== undefined) return directory.open(damaged, 'process')
    const store = await directory.tryOpen()
    if (store instanceof StorageError) return directory.openAside(store.reason)
    const found = await findDamage(store)
    if (found === undefined) {
      // Each is whole, and together they are not the state: the core says so.
      if (!why.startsWith('the records of')) {
        throw new Mismatch('store-notices', `it says nothing, where ${why}`)
      }
      await compareRecords(store, image)
    } else if (found.reason !== 'damaged') throw found
    // The daemon sets aside what it cannot load; of a text it learns while it runs.
    if (found instanceof TextDamage) {
      await store.condemn(why)
      await directory.crash('process')
      return directory.open(damaged, 'process')
    }
    await store.close()
    return directory.openAside('damaged')
  }

  // What becomes of the directory as a whole.

  #lose(hasSuperblock: boolean): void {
    if (!hasSuperblock) {
      this.#before = 'lost'
      this.#refusals = []
      return this.#commits.expected.replaced(false)
    }
    if (this.#before === 'lost' || this.#before === 'nothing' || this.#before === 'ruined') return
    this.#before = 'ruined'
    this.#refusals = ruin(this.#directory.folder, this.#prng)
    this.#commits.expected.replaced(true)
  }

  #copy(image: Image): void {
    if (this.#before === 'nothing' || this.#before === 'lost') return
    const { disk, boot, cluster } = this.#directory
    const atMs = this.#commits.store === undefined ? this.#endedMs : this.#atMs
    const expected = this.#commits.expected.copy()
    this.#copies.set(image, { folder: disk.image(), expected, boot, cluster, atMs })
  }

  #putBack(image: Image | undefined): void {
    this.#refusals = []
    this.#tally.putBack++
    const copy = image && this.#copies.get(image)
    if (copy === undefined) {
      this.#before = 'nothing'
      this.#commits.expected = new Expected()
      return
    }
    this.#before = undefined
    this.#directory.putBack(copy)
    this.#commits.expected = copy.expected.copy()
    this.#endedMs = copy.atMs
  }
}
