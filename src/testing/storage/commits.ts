/**
 * What a running process writes: jobs that the run says are durable become commits, as the writer loop could cut
 * them; and the end of the process, which comes anywhere inside of one.
 */
import type { Prng } from '../../base/prng.ts'
import type { Job } from '../../sim/disk.ts'
import type { ShardWrite, Store } from '../../storage/port.ts'
import { coldReference } from '../../vr/cold.ts'
import type { ServiceRecord } from '../../vr/service.ts'
import { assertTexts, assertTextsThere, Mismatch } from './compare.ts'
import { tableOf } from './damage.ts'
import type { DataDirectory } from './directory.ts'
import { Expected } from './expected.ts'
import { Fuse } from './fuse.ts'
import { writesOf } from './jobs.ts'
import type { StorageTally } from './tally.ts'

interface Submitted {
  readonly job: Job
  /** Not durable yet. */
  writes: ShardWrite[]
  /** Some of its slices are. */
  isBegun?: boolean
}

interface Moment {
  /** A crash comes next. */
  readonly isLast: boolean
  /** Something on the disk is damaged. */
  readonly isHurt: boolean
  readonly atMs: number
}

const WRITES_MAX = 6
/** Records of each kind that are in no state. */
const STRANGE = 10

export class Commits {
  readonly #directory: DataDirectory
  readonly #prng: Prng
  readonly #tally: StorageTally
  expected = new Expected()
  /** Undefined: no process is running. */
  store: Store | undefined
  #submitted: Submitted[] = []
  /** Applied, and not yet durable here. */
  #queue: ShardWrite[] = []
  /** Slices that what is in the queue needs are durable before it. */
  #isBegun = false
  /** Texts for an install to come, durable: they go at the next start. */
  #texts: ShardWrite[] = []
  /** Texts that go to disk beside the next job. */
  #again: ShardWrite[] = []

  constructor(directory: DataDirectory, prng: Prng, tally: StorageTally) {
    this.#directory = directory
    this.#prng = prng
    this.#tally = tally
  }

  submitted(job: Job): void {
    this.#submitted.push({ job, writes: writesOf(job, this.#prng) })
  }

  async applied(job: Job, { isLast, isHurt, atMs }: Moment): Promise<void> {
    const at = this.#submitted.findIndex(each => each.job === job)
    const [submitted] = this.#submitted.splice(at, 1)
    // Overtaken by one that was got from a peer.
    if (job.type === 'checkpoint' && job.id.opNumber <= this.expected.checkpoint) return
    if (job.type === 'checkpoint') this.#pushChanges(job.id.opNumber)
    if (job.type === 'write') this.#tally.repairs += job.repair?.length ?? 0
    this.expected.applied(job)
    this.#isBegun ||= submitted?.isBegun === true
    this.#queue.push(...this.#again.splice(0))
    const writes = submitted?.writes ?? []
    const isInstall = job.type === 'write' && job.install !== undefined
    this.#queue.push(...(isInstall && this.#prng.chance(0.5) ? this.#amongOthers(writes) : writes))
    if (isLast || this.#prng.chance(0.5)) return
    if (!isHurt && this.#prng.chance(this.#chanceOfCrash)) await this.#crashOnTheWay(atMs)
    else await this.flush()
  }

  /** Texts were fetched for a later state, which did not come then; some of them are fetched for it again. */
  #amongOthers(writes: readonly ShardWrite[]): ShardWrite[] {
    const texts = Array.from({ length: STRANGE }, (_, n) => strangeText(n))
    this.#again = [{ shard: 0, installTexts: texts.filter(() => this.#prng.chance(0.3)) }]
    return [{ shard: 0, installTexts: texts }, ...writes]
  }

  /** Where a log is cut or a state changes there is more to go wrong. */
  get #chanceOfCrash(): number {
    const has = (name: keyof ShardWrite): boolean =>
      this.#queue.some(write => write[name] !== undefined)
    if (has('truncateFrom')) return 0.4
    if (has('install')) return 0.3
    return has('checkpoint') ? 0.05 : 0.01
  }

  #pushChanges(op: number): void {
    const changes = this.expected.changesUpTo(op)
    if (changes !== undefined) this.#queue.push(changes)
  }

  async flush(): Promise<void> {
    while (this.#queue.length > 0) await this.#commit(this.#take())
    this.#isBegun = false
    if (this.store === undefined) return
    this.expected.assertWitnessed(this.#directory.witness)
    const waiting = this.#texts.flatMap(({ installTexts = [] }) => installTexts.map(({ id }) => id))
    assertTextsThere(tableOf(this.#directory.folder), waiting)
  }

  /** As the writer loop puts them together; slices of a checkpoint under way ride along. */
  #take(): ShardWrite[] {
    const writes = this.#queue.splice(0, this.#prng.int(1, WRITES_MAX))
    // Of a transfer that came to nothing.
    if (this.#prng.chance(0.01)) {
      writes.push({ shard: 0, installTexts: [strangeText(this.#prng.int(0, STRANGE - 1))] })
    }
    const background = this.#submitted.find(({ job }) => job.type === 'checkpoint')
    if (background?.job.type !== 'checkpoint' || this.#isInstalling) return writes
    const { opNumber } = background.job.id
    if (opNumber <= this.expected.checkpoint) return writes
    if (this.#prng.chance(0.3)) {
      const changes = this.expected.changesUpTo(opNumber)
      if (changes !== undefined) writes.unshift(changes)
    }
    const slices = background.writes.length - 1
    const some = background.writes.splice(0, Math.min(slices, this.#prng.int(0, 2)))
    if (some.length > 0) background.isBegun = true
    writes.push(...some)
    return writes
  }

  /** Records of a checkpoint do not build on a state that is not there yet, nor on one that goes. */
  get #isInstalling(): boolean {
    const jobs = this.#submitted.map(({ job }) => job)
    return (
      jobs.some(job => job.type === 'write' && job.install !== undefined) ||
      this.#queue.some(write => write.install !== undefined)
    )
  }

  async #commit(writes: readonly ShardWrite[]): Promise<void> {
    this.#tally.commits++
    await this.store?.commit(writes)
    this.#durable(writes)
  }

  #durable(writes: readonly ShardWrite[]): void {
    this.expected.durable(writes)
    for (const { shard, install, installTexts } of writes) {
      if (install !== undefined) this.#texts = []
      if (installTexts !== undefined) this.#texts.push({ shard, installTexts })
    }
  }

  // The end of a process.

  /** `isDamaged`: something is damaged at the next start, and must be found by what is on the disk now. */
  async crash(isDamaged: boolean): Promise<void> {
    if (this.store === undefined) return
    const isOver = !isDamaged && (await this.#crashInside())
    if (!isOver) {
      await this.flush()
      if (this.#submitted.length === 0 && this.#prng.chance(0.2)) {
        this.#tally.closed++
        await this.store.close()
      }
    }
    this.store = undefined
    this.#submitted = []
    this.#queue = []
    this.#texts = []
    this.#again = []
    this.#isBegun = false
    await this.#directory.crash(isDamaged || this.#prng.chance(0.4) ? 'process' : 'power')
  }

  /** A crash that the run knows nothing of: all that it was told is durable is so, and is written again if it is not. */
  async #crashOnTheWay(atMs: number): Promise<void> {
    const install = this.#queue.find(write => write.install !== undefined)?.install
    if (install && this.#prng.chance(0.5)) await this.#beginInstall(install.opNumber - 1)
    const writes = this.#queue.splice(0)
    const isBehind = this.#isBegun || this.#prng.chance(0.6)
    const place = isBehind ? 'behind the batch' : 'before the batch'
    this.#isBegun = false
    const isOver = await this.#commitCut(writes, place)
    this.store = undefined
    await this.#directory.crash(this.#prng.chance(0.4) ? 'process' : 'power')
    assertTexts(tableOf(this.#directory.folder))
    this.store = await this.#directory.open([], 'power')
    const damage = this.store.shards[0]?.damage
    if (damage) throw new Mismatch('store-opens', `nobody damaged ${JSON.stringify(damage.runs)}`)
    this.expected.restarted(atMs)
    for (const submitted of this.#submitted) {
      submitted.writes = writesOf(submitted.job, this.#prng)
      submitted.isBegun = false
    }
    // The run has them, and its install will build on them.
    for (const texts of this.#texts.splice(0)) await this.#commit([texts])
    if (isOver && place === 'before the batch') await this.#commit(writes)
  }

  /** Of the last commit whose batch was durable, or of the one behind it, whose batch was not. */
  async #crashInside(): Promise<boolean> {
    if (this.#queue.length > 0 && this.#prng.chance(0.5)) {
      const last = this.#queue.splice(-this.#prng.int(1, this.#queue.length))
      await this.flush()
      return this.#commitCut(last, 'behind the batch')
    }
    await this.flush()
    if (this.#prng.chance(0.2)) {
      await this.#beginInstall(this.expected.head + this.#prng.int(1, 9))
      return false
    }
    const next = this.#submitted[0]
    if (next === undefined || this.#prng.chance(0.3)) return false
    const count = this.#prng.int(1, next.writes.length)
    for (const write of next.writes.slice(0, count - 1)) {
      if (this.#prng.chance(0.5)) await this.#commit([write])
      else break
    }
    const rest = next.writes.slice(count - 1, count)
    return this.#commitCut(rest, 'before the batch')
  }

  /** A state got from a peer, of this op, is on its way to the disk, and does not come to its end. */
  async #beginInstall(opNumber: number): Promise<void> {
    for (let slices = this.#prng.int(1, 3); slices > 0; slices--) {
      await this.#commit([{ shard: 0, installRecords: { opNumber, records: strange(this.#prng) } }])
    }
  }

  async #commitCut(
    writes: readonly ShardWrite[],
    place: 'behind the batch' | 'before the batch',
  ): Promise<boolean> {
    const { disk } = this.#directory
    const fuse = new Fuse(disk, this.#prng, place, this.#prng.int(0, 8))
    const { result } = await fuse.burn(async () => this.store?.commit(writes))
    if (place === 'behind the batch') this.#durable(writes)
    if (result === undefined) this.#directory.isCutShort = true
    if (result === undefined) this.#tally.commitsCut++
    return result === undefined
  }
}

/** Records that are in no state, a cold one among them: none of it may ever show. */
function strange(prng: Prng): ServiceRecord[] {
  const [a, b] = [prng.int(0, STRANGE - 1), prng.int(0, STRANGE - 1)]
  return [{ id: `sv/strange ${a}`, value: 'never installed' }, strangeText(b)]
}

function strangeText(n: number): ServiceRecord {
  const text = `page ${n}`
  return { id: `sc/strange ${n}`, value: coldReference(text), cold: { text } }
}
