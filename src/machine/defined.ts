/**
 * A Machine made of a user's definition. The state is opaque, so three things come from its snapshot:
 * its records (the snapshot's text, in chunks), its hash, and the way back after a throw.
 *
 * The way back: a base (the text of an earlier snapshot) and the commands that succeeded since. After
 * a throw the state may be half changed; it is dropped, and built again from base and commands when
 * it is next wanted. So `apply` need not be written with undoing in mind, and a command that is
 * executed costs nothing but its text. The base is renewed before the commands grow over half its size.
 */
import { AssertionError, assert } from '../base/assert.ts'
import type { Json } from '../base/json.ts'
import { Chunks, chunkId, chunksOf } from './chunks.ts'
import { contextFor, refusalOf } from './context.ts'
import type { MachineDefinition } from './define.ts'
import type { ApplyContext, Change, Feeds, Frozen, Machine, StateRecord } from './machine.ts'
import { Rejected } from './machine.ts'
import { whyNotPlain } from './plain.ts'

/** A machine of its own for each shard. */
export function instantiate<State>(definition: MachineDefinition<State>, name?: string): Machine {
  return new DefinedMachine(definition, name ?? definition.name)
}

const SNAPSHOT_CHARS_MAX = 256 * 1024 * 1024
const RESULT_CHARS_MAX = 4 * 1024 * 1024
/**
 * Commands since the base: their text grows up to half the base's, so that renewing costs little per
 * command and repeating them no more than loading the base.
 */
const REPLAY_MIN = 16
const REPLAY_MAX = 65_536
const REPLAY_CHARS_MIN = 4096

interface Executed {
  /** Text, because `apply` may keep and change parts of what it is given. */
  readonly command: string
  readonly context: ApplyContext
}

class DefinedMachine<State> implements Machine {
  readonly name: string
  readonly version: number
  readonly #definition: MachineDefinition<State>
  /** Undefined: to be built from base and commands. */
  #state: { readonly value: State } | undefined
  /** `version;JSON`. */
  #base: string
  #since: Executed[] = []
  #sinceChars = 0
  /** Records loaded and not yet made a base. */
  readonly #loading = new Map<string, string>()
  #cut: { readonly text: string; readonly chunks: readonly string[] } | undefined
  /** The records as takeDirty told of them last. */
  #told: readonly string[] = []

  constructor(definition: MachineDefinition<State>, name: string) {
    this.#definition = definition
    this.name = name
    this.version = definition.version
    this.#base = this.#begin()
  }

  /** The state before the first command. */
  #begin(): string {
    const state = this.#definition.init()
    assert(
      typeof state === 'object' && state !== null,
      `init of the state machine ${this.name} gives an object, which apply changes`,
    )
    this.#state = { value: state }
    return this.#textOf(state)
  }

  apply(command: Json, context: ApplyContext, changes: Change[], feeds?: Feeds): Json {
    const text = JSON.stringify(command)
    const state = this.#live()
    let result: Json | undefined
    try {
      const records: Json[] = []
      result = this.#definition.apply(state, command, contextFor(this.name, context, records))
      const fault = whyNotPlain(result, RESULT_CHARS_MAX)
      if (fault) throw new Error(`the result of apply is not JSON: ${fault}`)
      if (records.length > 0) publishAs(this.name, records, { context, changes }, feeds)
    } catch (error) {
      this.#state = undefined
      throw refusalOf(this.name, error)
    }
    // The command object is the user's now; the result may be part of the state.
    this.#since.push({ command: text, context })
    this.#sinceChars += text.length
    if (this.#isReplayLong()) this.#renewBase()
    return result ?? null
  }

  #isReplayLong(): boolean {
    const count = this.#since.length
    if (count < REPLAY_MIN) return false
    return (
      count > REPLAY_MAX || this.#sinceChars > Math.max(REPLAY_CHARS_MIN, this.#base.length / 2)
    )
  }

  #live(): State {
    this.#finishLoading()
    this.#state ??= { value: this.#rebuild() }
    return this.#state.value
  }

  #rebuild(): State {
    try {
      const state = this.#restored()
      for (const { command, context } of this.#since) {
        const parsed: Json = JSON.parse(command)
        this.#definition.apply(state, parsed, contextFor(this.name, context))
      }
      return state
    } catch (error) {
      throw this.#broken('restores what it gave as a snapshot and repeats what it has done', error)
    }
  }

  #restored(): State {
    const semicolon = this.#base.indexOf(';')
    const version = Number(this.#base.slice(0, semicolon))
    const snapshot: Json = JSON.parse(this.#base.slice(semicolon + 1))
    const { restore } = this.#definition
    return restore ? restore.call(this.#definition, snapshot, version) : (snapshot as State)
  }

  /**
   * Not an answer to the command at hand, which other replicas, with another base, execute without
   * noticing: the replica stops.
   */
  #broken(fact: string, cause: unknown): AssertionError {
    const why = cause instanceof Error ? cause.message : String(cause)
    return new AssertionError(`does not hold: the state machine ${this.name} ${fact} (${why})`)
  }

  #renewBase(): void {
    this.#finishLoading()
    if (this.#since.length === 0) return
    this.#base = this.#textOf(this.#live())
    this.#since = []
    this.#sinceChars = 0
  }

  #textOf(state: State): string {
    try {
      const { snapshot: give } = this.#definition
      const snapshot: unknown = give ? give.call(this.#definition, state) : state
      const fault = whyNotPlain(snapshot, SNAPSHOT_CHARS_MAX)
      if (fault) throw new Error(`${fault}: write snapshot and restore for it`)
      return `${this.version};${JSON.stringify(snapshot)}`
    } catch (error) {
      throw this.#broken('gives its state as JSON', error)
    }
  }

  query(query: Json, _timeMs: number): Json {
    const { query: ask } = this.#definition
    if (!ask) throw new Rejected('INVALID_PARAMS', `the state machine ${this.name} has no queries`)
    const state = this.#live()
    try {
      const answer = ask.call(this.#definition, state, query)
      const fault = whyNotPlain(answer, RESULT_CHARS_MAX)
      if (fault) throw new Error(`the result of query is not JSON: ${fault}`)
      // A copy: the answer may be part of the state, and is read after the state has moved on.
      const copy: Json = JSON.parse(JSON.stringify(answer ?? null))
      return copy
    } catch (error) {
      throw refusalOf(this.name, error)
    }
  }

  /** Nothing in it expires. */
  advance(): void {}

  nextDeadline(): undefined {
    return undefined
  }

  takeDirty(): string[] {
    const now = this.#chunks()
    const before = this.#told
    this.#told = now
    const dirty: string[] = []
    for (let i = 0; i < Math.max(now.length, before.length); i++) {
      if (now[i] !== before[i]) dirty.push(chunkId(i))
    }
    return dirty
  }

  #chunks(): readonly string[] {
    this.#renewBase()
    if (this.#cut?.text !== this.#base) {
      this.#cut = { text: this.#base, chunks: chunksOf(this.#base) }
    }
    return this.#cut.chunks
  }

  record(id: string): string | undefined {
    return this.freeze().record(id)
  }

  freeze(): Frozen {
    return new Chunks(this.#chunks())
  }

  clear(): void {
    this.#loading.clear()
    this.#since = []
    this.#sinceChars = 0
    this.#told = []
    this.#base = this.#begin()
  }

  load({ id, value }: StateRecord): void {
    if (value !== undefined) this.#loading.set(id, value)
  }

  /** All records are there by the time the state is first wanted. */
  #finishLoading(): void {
    if (this.#loading.size === 0) return
    const ids = [...this.#loading.keys()].sort()
    this.#base = ids.map(id => this.#loading.get(id) ?? '').join('')
    this.#loading.clear()
    this.#told = chunksOf(this.#base)
    this.#state = undefined
  }
}

/** The last thing a command does: what is refused here refuses the command. */
function publishAs(
  machine: string,
  records: readonly Json[],
  at: { readonly context: ApplyContext; readonly changes: Change[] },
  feeds: Feeds | undefined,
): void {
  if (feeds) feeds.publish(records, at, 'made')
  else throw new Rejected('APP_REJECTED', `${machine} publishes, and there are no feeds here`)
}
