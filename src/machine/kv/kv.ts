/** The key-value machine: READ FIRST. Which command does what, and how its state is kept. */
import { unreachable } from '../../base/assert.ts'
import type { Json } from '../../base/json.ts'
import type { ApplyContext, Change, Feeds, Frozen, Machine, StateRecord } from '../machine.ts'
import { invalid } from '../member.ts'
import type { NamedCommand } from './command.ts'
import { namedCommand } from './command.ts'
import { apply } from './evaluate.ts'
import { importChanges } from './import.ts'
import { get, getMany, range } from './read.ts'
import { KvStore } from './store.ts'
import { txn } from './txn.ts'
import { View } from './view.ts'
import { Work } from './work.ts'
import { cas, del, incr, put } from './write.ts'

export class KvMachine implements Machine {
  readonly name = 'kv'
  readonly version = 1
  readonly #store = new KvStore()

  /** Keys with a record. */
  get size(): number {
    return this.#store.size
  }

  apply(command: Json, context: ApplyContext, changes: Change[], feeds?: Feeds): Json {
    const work = new Work(this.#store, context)
    try {
      const result = execute(work, namedCommand(command), { context, changes }, feeds)
      work.commit(changes)
      return result
    } catch (error) {
      work.rollback()
      throw error
    }
  }

  query(query: Json, timeMs: number): Json {
    const { op, command } = namedCommand(query)
    const view = new View(this.#store, timeMs)
    if (op === 'get') return get(view, command)
    if (op === 'getMany') return getMany(view, command)
    if (op === 'range') return range(view, command)
    throw invalid('op', `${op} is no query: it goes through the log`)
  }

  /** Keys whose time to live has passed go, in order of deadline, then key. */
  advance(timeMs: number, context: ApplyContext, changes: Change[]): void {
    const deadline = this.#store.nextDeadline()
    if (deadline === undefined || deadline > timeMs) return
    for (const key of this.#store.expiredKeys(timeMs)) {
      const work = new Work(this.#store, context)
      work.remove(key)
      work.commit(changes)
    }
  }

  nextDeadline(): number | undefined {
    return this.#store.nextDeadline()
  }

  takeDirty(): string[] {
    return this.#store.takeDirty()
  }

  record(id: string): string | undefined {
    return this.#store.record(id)
  }

  freeze(): Frozen {
    return this.#store.freeze()
  }

  clear(): void {
    this.#store.clear()
  }

  load({ id, value }: StateRecord): void {
    if (value !== undefined) this.#store.load(id, value)
  }
}

function execute(
  work: Work,
  { op, command }: NamedCommand,
  at: { readonly context: ApplyContext; readonly changes: Change[] },
  feeds: Feeds | undefined,
): Json {
  switch (op) {
    case 'put':
      return put(work, command)
    case 'get':
      return get(work, command)
    case 'getMany':
      return getMany(work, command)
    case 'range':
      return range(work, command)
    case 'del':
      return del(work, command)
    case 'cas':
      return cas(work, command)
    case 'incr':
      return incr(work, command)
    case 'apply':
      return apply(work, command)
    case 'txn':
      return txn(work, command, records => {
        if (feeds) return feeds.publish(records, at, 'there')
        throw invalid('publish', 'there are no feeds here to publish to')
      })
    case 'import':
      return importChanges(work, command, copied => {
        if (feeds) return feeds.takeOver(copied, at)
        throw invalid('feeds', 'there are no feeds here to import')
      })
    case 'publish':
      throw invalid('op', 'publish stands in a transaction; feed.publish does it alone')
    default:
      return unreachable(op)
  }
}
