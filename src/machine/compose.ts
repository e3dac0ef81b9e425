/**
 * The machines of a shard as the one service that its replica calls (VRR §4.1 step 5): routes each
 * operation to its machine, puts all their records into one space of ids, `machine/id`, and keeps
 * the hash of the whole state.
 */
import { AssertionError } from '../base/assert.ts'
import type { Json } from '../base/json.ts'
import type { ChangeRecord, Service, ServiceRecord, ServiceSnapshot } from '../vr/service.ts'
import type { ApplyContext, Change, Feeds, Frozen, Machine } from './machine.ts'
import { Rejected } from './machine.ts'
import { decodeOperation, encodeError, encodeResult } from './operation.ts'
import { Part } from './part.ts'
import { StateHash } from './state-hash.ts'

export interface MachineService extends Service {
  /** In order of name. */
  readonly machines: readonly { readonly name: string; readonly version: number }[]
  /** Reads the state as it is now; throws Rejected. `timeMs`: the log time reached. */
  query(machine: string, query: Json, timeMs: number): Json
  /** Of the state of each machine, by its name: of two clusters those of keys may be the same, and of feeds not. */
  hashes(): Readonly<Record<string, string>>
}

export interface ServiceOptions {
  /** Told when a machine threw what it should not: the caller learns little, the log should have it. */
  readonly onFailure?: (error: unknown) => void
}

/** Throws on names that are not unique or not of lower-case letters, digits, - and _. */
export function createService(
  machines: readonly Machine[],
  options: ServiceOptions = {},
): MachineService {
  return new Composed(machines, options)
}

const NAME = /^[a-z][a-z0-9_-]{0,63}$/

class Composed implements MachineService {
  /** Sorted, so that nothing depends on the order in which a node was given its machines. */
  readonly #parts: readonly Part[]
  readonly #byName: ReadonlyMap<string, Part>
  readonly #onFailure: (error: unknown) => void
  /** Undefined: no machine here keeps feeds. */
  readonly #feeds: Feeds | undefined

  constructor(machines: readonly Machine[], { onFailure = () => {} }: ServiceOptions) {
    this.#onFailure = onFailure
    for (const { name } of machines) {
      if (!NAME.test(name)) {
        throw new Error(
          `a state machine cannot be named ${JSON.stringify(name)}: use lower-case letters, digits, - and _`,
        )
      }
    }
    // The separator sorts after - and before digits and letters: order the prefixes, not the names.
    this.#parts = machines
      .map(machine => new Part(machine))
      .sort((a, b) => (a.prefix < b.prefix ? -1 : 1))
    this.#byName = new Map(this.#parts.map(part => [part.machine.name, part]))
    if (this.#byName.size < machines.length) {
      throw new Error('two state machines have the same name: rename one of them')
    }
    this.#feeds = machines.find(machine => machine.feeds !== undefined)?.feeds
  }

  get machines(): readonly { readonly name: string; readonly version: number }[] {
    return this.#parts.map(({ machine: { name, version } }) => ({ name, version }))
  }

  execute(operation: Uint8Array, context: ApplyContext, changes: ChangeRecord[]): Uint8Array {
    const before = changes.length
    try {
      const { machine, command } = decodeOperation(operation)
      // Machines add to the changes, and read none.
      const made = changes as Change[]
      return encodeResult(this.#part(machine).machine.apply(command, context, made, this.#feeds))
    } catch (error) {
      changes.length = before
      return encodeError(this.#refusal(error))
    }
  }

  /**
   * What a throw means to the caller: the same text on every replica, whatever its version of Node. A
   * false assertion is none of the caller's business: the replica stops.
   */
  #refusal(error: unknown): Rejected {
    if (error instanceof AssertionError) throw error
    if (error instanceof Rejected) {
      if (error.cause !== undefined) this.#onFailure(error.cause)
      return error
    }
    this.#onFailure(error)
    return new Rejected('INTERNAL', 'the state machine failed: this is a defect, please report it')
  }

  query(machine: string, query: Json, timeMs: number): Json {
    return this.#part(machine).machine.query(query, timeMs)
  }

  #part(machine: string): Part {
    const part = this.#byName.get(machine)
    if (part) return part
    const known = [...this.#byName.keys()].join(', ')
    throw new Rejected(
      'INVALID_PARAMS',
      `no state machine here is named ${JSON.stringify(machine.slice(0, 64))}; there is ${known}`,
      { path: 'machine' },
    )
  }

  advance(timeMs: number, context: ApplyContext, changes: ChangeRecord[]): void {
    const made: Change[] = []
    for (const { machine } of this.#parts) machine.advance(timeMs, context, made)
    changes.push(...made)
  }

  nextDeadline(): number | undefined {
    let next: number | undefined
    for (const { machine } of this.#parts) {
      const deadline = machine.nextDeadline()
      if (deadline !== undefined && (next === undefined || deadline < next)) next = deadline
    }
    return next
  }

  takeDirty(): ServiceRecord[] {
    return this.#parts.flatMap(part => part.takeDirty())
  }

  freeze(): ServiceSnapshot {
    return new ComposedSnapshot(this.#parts.map(part => ({ part, frozen: part.freeze() })))
  }

  stateHash(): string {
    const sum = new StateHash()
    for (const part of this.#parts) sum.addAll(part.hash())
    return sum.hex()
  }

  hashes(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.#parts.map(part => [part.machine.name, part.hash().hex()] as const),
    )
  }

  clear(): void {
    for (const part of this.#parts) part.clear()
  }

  isCold(id: string): boolean {
    const [part, inner] = this.#partOf(id)
    return part?.isCold(inner) === true
  }

  coldReference(id: string): string | undefined {
    const [part, inner] = this.#partOf(id)
    return part?.isCold(inner) ? part.machine.record(inner) : undefined
  }

  coldText(id: string): string | undefined {
    const [part, inner] = this.#partOf(id)
    return part?.machine.cold?.text(inner)
  }

  coldBytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.coldBytes(), 0)
  }

  settle(ids: readonly string[]): void {
    for (const { prefix, machine } of this.#parts) {
      const own = ids.filter(id => id.startsWith(prefix)).map(id => id.slice(prefix.length))
      if (own.length > 0) machine.cold?.settle(own)
    }
  }

  #partOf(id: string): [Part | undefined, string] {
    const slash = id.indexOf('/')
    return [this.#byName.get(id.slice(0, slash)), id.slice(slash + 1)]
  }

  load({ id, value }: ServiceRecord): void {
    const [part, inner] = this.#partOf(id)
    if (!part) {
      const slash = id.indexOf('/')
      throw new Error(
        `the state holds records of the machine ${JSON.stringify(id.slice(0, Math.max(slash, 0)))}, ` +
          'which this node does not have: add it to stateMachines in the configuration',
      )
    }
    part.load(inner, value)
  }
}

interface FrozenPart {
  readonly part: Part
  readonly frozen: Frozen
}

class ComposedSnapshot implements ServiceSnapshot {
  readonly #parts: readonly FrozenPart[]

  constructor(parts: readonly FrozenPart[]) {
    this.#parts = parts
  }

  coldReference(id: string): string | undefined {
    for (const { part, frozen } of this.#parts) {
      const inner = id.startsWith(part.prefix) ? id.slice(part.prefix.length) : undefined
      if (inner !== undefined && part.isCold(inner)) return frozen.record(inner)
    }
    return undefined
  }

  *coldRecords(): Generator<ServiceRecord, undefined> {
    for (const { part, frozen } of this.#parts) {
      if (part.machine.cold === undefined) continue
      for (const { id, value } of frozen.records(undefined)) {
        if (part.isCold(id)) yield { id: part.prefix + id, value, cold: {} }
      }
    }
  }

  *records(after: string | undefined): Generator<ServiceRecord, undefined> {
    for (const { part, frozen } of this.#parts) {
      const { prefix } = part
      const within = after?.startsWith(prefix) ? after.slice(prefix.length) : undefined
      if (after !== undefined && within === undefined && prefix < after) continue
      for (const { id, value } of frozen.records(within)) {
        const record = { id: prefix + id, value }
        yield part.isCold(id) ? { ...record, cold: {} } : record
      }
    }
  }
}
