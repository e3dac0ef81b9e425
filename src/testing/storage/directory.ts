/**
 * A data directory under the storage code: founded, opened, set aside and recovered as src/daemon does it, at
 * times cut short in the middle. What it is to hold then is twin.ts's to say.
 */
import type { Prng } from '../../base/prng.ts'
import { CLUSTER } from '../../sim/disk.ts'
import { createStore, openStore, storeExists } from '../../storage/open.ts'
import type { ClusterRecord, Store } from '../../storage/port.ts'
import { StorageError } from '../../storage/port.ts'
import { recoverStore, setDatabaseAside } from '../../storage/set-aside.ts'
import { Mismatch } from './compare.ts'
import { type FileNode, Directory as Folder, type SimDisk } from './disk.ts'
import { Fuse, settled } from './fuse.ts'
import type { StorageTally } from './tally.ts'
import { resetTimers } from './timers.ts'

/** Chance that founding or opening does not come to its end, and that setting aside, which is rare, does not. */
const CUT = 0.2
const ASIDE_CUT = 0.6
/** Of one that comes behind a process that was cut short, and at which of its first operations. */
const CUT_AGAIN = 0.5
const SOON = 5
/** Operations of the longest of them. */
const OPERATIONS_MAX = 40

export const peerOf = (number: number): string => `peer ${number}`

export class DataDirectory {
  readonly path: string
  readonly disk: SimDisk
  cluster: ClusterRecord
  readonly #prng: Prng
  readonly #tally: StorageTally
  /** Of the last start that came to its end, and how many may have come further than is known since. */
  boot = 0
  #bootsCut = 0
  /** The last process ended inside of what it did; twice in a row is more than twice as hard. */
  isCutShort = false

  constructor(
    disk: SimDisk,
    of: { readonly path: string; readonly number: number; readonly members: number },
    prng: Prng,
    tally: StorageTally,
  ) {
    this.disk = disk
    this.path = of.path
    this.#prng = prng
    this.#tally = tally
    const [clusterId = '', foundingId = ''] = CLUSTER.split('/')
    const members = Array.from({ length: of.members }, (_, i) => ({
      name: `r${i}`,
      peerId: peerOf(i),
      addresses: [],
    }))
    this.cluster = {
      clusterId,
      foundingId,
      peerId: peerOf(of.number),
      name: `r${of.number}`,
      incarnation: 'founding',
      members,
      shards: prng.int(1, 2),
    }
  }

  /** Nothing is there; `recovered`: by an operator, who knows that something was. */
  async found(how: 'founded' | 'recovered'): Promise<void> {
    const empty = new Folder()
    if (how === 'recovered') empty.names.set(this.#name, new Folder())
    this.disk.replace(empty)
    this.boot = 0
    this.#bootsCut = 0
    for (let tries = 0; ; tries++) {
      const { state } = await storeExists(this.path)
      if (state === 'complete') return
      if (state === 'partial' && how === 'founded') {
        throw new Mismatch(
          'store-opens',
          'a founding that was cut short is not one to be done again',
        )
      }
      await this.#perhapsCut(tries, 'power', () =>
        how === 'founded'
          ? createStore(this.path, this.cluster)
          : recoverStore(this.path, this.cluster).then(() => undefined),
      )
    }
  }

  /**
   * As the daemon does it, and again when it was cut short. `refusals`: the reasons for which it has to refuse
   * what is there first; none: it must open it.
   */
  async open(
    refusals: readonly string[],
    how: 'process' | 'power',
    isAside = false,
  ): Promise<Store> {
    let isRefused = isAside
    for (let tries = 0; ; tries++) {
      const store = await this.#perhapsCut(tries, how, () => this.tryOpen())
      if (store === undefined) {
        this.#bootsCut++
        continue
      }
      if (!(store instanceof StorageError)) {
        if (refusals.length > 0 && !isRefused) {
          throw new Mismatch('store-notices', `what is ${refusals.join(' or ')} is opened`)
        }
        return store
      }
      if (!isRefused && !refusals.includes(store.reason)) {
        throw new Mismatch('store-opens', `it is refused as ${store.reason}: ${store.message}`)
      }
      isRefused = true
      await this.#setAside(store.reason, how, tries)
    }
  }

  get #name(): string {
    return this.path.split('/')[2] ?? ''
  }

  /** A copy of a directory takes the place of what is there. */
  putBack({
    folder,
    boot,
    cluster,
  }: {
    folder: Folder
    boot: number
    cluster: ClusterRecord
  }): void {
    this.disk.replace(folder)
    this.boot = boot
    this.#bootsCut = 0
    this.cluster = cluster
  }

  /** The folder itself, as the disk has it. */
  get folder(): Folder {
    return this.disk.root.names.get(this.#name) as Folder
  }

  /** The file beside the database, as processes see it. */
  get witness(): Buffer {
    return (this.folder.names.get('witness') as FileNode).bytes
  }

  async tryOpen(): Promise<Store | StorageError> {
    const { clusterId, peerId } = this.cluster
    try {
      const store = await openStore(this.path, { clusterId, peerId })
      this.#assertBoot(store)
      return store
    } catch (error) {
      if (error instanceof StorageError) return error
      throw error
    }
  }

  /** Cut short before anything was done, it leaves what is opened, found out, and set aside once more. */
  async openAside(reason: StorageError['reason']): Promise<Store> {
    for (let tries = 0; ; tries++) {
      await this.#setAside(reason, 'process', tries)
      const store = await this.open([], 'process', true)
      if (store.shards[0]?.vsr.recovering === true) return store
      await store.close()
    }
  }

  /** What is there is damaged or not whole: as the daemon does it by itself, or its operator. */
  async #setAside(
    reason: StorageError['reason'],
    how: 'process' | 'power',
    tries: number,
  ): Promise<void> {
    this.#tally.setAsides++
    this.#clearKept()
    if (reason === 'missing') {
      this.boot = 0
      this.#bootsCut = 0
    }
    const chance = tries > 2 ? 0 : ASIDE_CUT
    await this.#cut(chance, how, async () => {
      if (reason === 'missing') await recoverStore(this.path, this.cluster)
      else await setDatabaseAside(this.path)
    })
  }

  /** The operator has looked at them: there is room for five. */
  #clearKept(): void {
    const { folder } = this
    if (folder.names.has('recovering')) return
    for (const name of [...folder.names.keys()].filter(each => each.startsWith('lost-'))) {
      folder.names.delete(name)
      folder.synced.delete(name)
    }
  }

  #perhapsCut<T>(
    tries: number,
    how: 'process' | 'power',
    act: () => Promise<T>,
  ): Promise<T | undefined> {
    const chance = this.isCutShort ? CUT_AGAIN : CUT
    return this.#cut(tries > 2 ? 0 : chance, how, act)
  }

  async #cut<T>(
    chance: number,
    how: 'process' | 'power',
    act: () => Promise<T>,
  ): Promise<T | undefined> {
    const isSoon = this.isCutShort && this.#prng.chance(0.5)
    this.isCutShort = false
    if (!this.#prng.chance(chance)) return act()
    const operations = this.#prng.int(1, isSoon ? SOON : OPERATIONS_MAX)
    const { result } = await new Fuse(this.disk, this.#prng, 'anywhere', operations).burn(act)
    if (result !== undefined) return result.value
    this.#tally.openingsCut++
    this.isCutShort = true
    await this.crash(how)
    return undefined
  }

  /** All that its process had in hand is gone. */
  async crash(how: 'process' | 'power'): Promise<void> {
    await settled()
    resetTimers()
    if (how === 'power') this.#tally.powerCuts++
    this.disk.crash(how)
  }

  /** Raised by every start, and before it takes part. */
  #assertBoot({ bootCounter }: Store): void {
    const [low, high] = [this.boot + 1, this.boot + 1 + this.#bootsCut]
    if (bootCounter < low || bootCounter > high) {
      throw new Mismatch('store-restores', `start ${bootCounter} comes behind start ${this.boot}`)
    }
    this.boot = bootCounter
    this.#bootsCut = 0
  }
}
