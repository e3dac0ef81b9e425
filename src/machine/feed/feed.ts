/** One feed: its configuration, its partitions, the ids it remembers. */
import type { JsonObject } from '../../base/json.ts'
import type { FeedConfig } from './config.ts'
import { shownConfig } from './config.ts'
import { Group } from './group.ts'
import { Ids } from './ids.ts'
import { Partition } from './partition.ts'
import type { RecordSet } from './record-set.ts'

export class Feed {
  readonly name: string
  readonly partitions: readonly Partition[]
  readonly ids: Ids
  readonly groups = new Map<string, Group>()
  readonly #records: RecordSet
  #config: FeedConfig
  readonly #createRev: number

  constructor(records: RecordSet, name: string, config: FeedConfig, createRev: number) {
    this.#records = records
    this.name = name
    this.#config = config
    this.#createRev = createRev
    this.ids = new Ids(records, `i/${name}/`)
    const isCompacted = config.compact === 'key'
    this.partitions = Array.from(
      { length: config.partitions },
      (_, number) =>
        new Partition(records, { feed: name, number, madeRev: createRev, isCompacted }),
    )
  }

  get config(): FeedConfig {
    return this.#config
  }

  set config(config: FeedConfig) {
    this.#config = config
    this.mark()
  }

  /** Ids of records published at this log time or before are forgotten. */
  idsSince(timeMs: number): number {
    return timeMs - this.#config.dedupeMs
  }

  mark(): void {
    this.#records.mark(`f/${this.name}`, this.#encode)
  }

  /** It and its partitions are part of the state from now on. */
  begin(): void {
    this.mark()
    for (const partition of this.partitions) partition.mark()
  }

  /** The group is new, or has changed. */
  markGroup(group: Group): void {
    this.groups.set(group.name, group)
    this.#records.mark(`g/${this.name}/${group.name}`, () => group.encode())
  }

  removeGroup(name: string): void {
    this.groups.delete(name)
    this.#records.remove(`g/${this.name}/${name}`)
  }

  /** Nothing of it is left. */
  remove(): void {
    for (const kind of ['g', 'i', 'k', 'o', 'p', 's', 'x']) {
      this.#records.removeUnder(`${kind}/${this.name}/`)
    }
    this.#records.remove(`f/${this.name}`)
  }

  readonly #encode = (): string => {
    const config = shownConfig(this.#config)
    return JSON.stringify({ format: 1, createRev: this.#createRev, ids: this.ids.count, config })
  }

  static load(records: RecordSet, name: string, text: string): Feed {
    const kept = JSON.parse(text) as { createRev: number; ids: number; config: FeedConfig }
    const feed = new Feed(records, name, kept.config, kept.createRev)
    feed.ids.load(kept.ids)
    for (const [, group] of records.under(`g/${name}/`)) {
      const one = Group.decode(group)
      feed.groups.set(one.name, one)
    }
    for (const partition of feed.partitions) {
      const head = records.record(`p/${name}/${String(partition.number).padStart(4, '0')}`)
      if (head !== undefined) partition.load(head)
    }
    return feed
  }

  /** `made`: the rev that made the feed, by which it is told from one of its name before or after it. */
  get bounds(): JsonObject[] {
    return this.partitions.map(partition => this.#bound(partition))
  }

  boundOf(partition: number): JsonObject | undefined {
    const found = this.partitions[partition]
    return found && this.#bound(found)
  }

  #bound({ number: partition, first, next, bytes, size }: Partition): JsonObject {
    return { partition, first, next, bytes, records: size, made: this.#createRev }
  }
}
