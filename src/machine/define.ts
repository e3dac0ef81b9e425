/**
 * A user's own state machine: `defineMachine({ name, version, init, apply, query, … })`. This file is
 * what `viewstamp/machine` exports; what makes a Machine of a definition is in defined.ts.
 */
import type { Json, JsonObject } from '../base/json.ts'

/** All that `apply` may know besides state and command. The same on every replica. */
export interface MachineContext {
  /** Op-number of the log entry. */
  readonly op: number
  /** Dense number of this command in its shard's log. */
  readonly rev: number
  /** Log time in ms since 1970, given by the primary, never going back. */
  readonly timeMs: number
  readonly session: string
  readonly correlationId: string | undefined
  /** In [0, 1), seeded by machine and rev. */
  random(): number
  /**
   * Publishes to a feed in the commit of this command: if the command is refused, nothing is published,
   * and if the record cannot be published, the command is refused. `more`: key, headers, id …
   */
  publish(feed: string, value: Json, more?: JsonObject): void
  /** Refuses the command; the state stays as it was. Does not return. */
  reject(name: string, data?: Json): never
}

/**
 * `apply` is synchronous, total and deterministic: no clock, no Math.random, no I/O, no state outside
 * `state`. It changes `state` in place and returns the result, which is JSON. Whatever it throws
 * refuses the command and leaves the state as it was. That costs as much as loading the state, so
 * machines with a large state return a refusal, or call `reject`, seldom.
 */
export interface MachineDefinition<State = unknown> {
  readonly name: string
  /** Raise it when apply's meaning changes: replicas of different versions do not run together. */
  readonly version: number
  /** The state before the first command: an object, an array, a Map or an instance of a class. */
  init(): State
  apply(state: State, command: Json, context: MachineContext): Json | undefined
  /** Reads; must not change the state. */
  query?(state: State, query: Json): Json | undefined
  /** The state as JSON; by default the state itself, which then must be plain JSON. */
  snapshot?(state: State): Json
  /** The state again, from what `snapshot` gave in `version`. */
  restore?(snapshot: Json, version: number): State
}

/** Checks the definition and gives it back; throws with one sentence about what is wrong. */
export function defineMachine<State>(
  definition: MachineDefinition<State>,
): MachineDefinition<State> {
  checkDefinition(definition)
  return definition
}

/** For a module's export, of which nothing is known. */
export function checkDefinition(given: unknown): MachineDefinition {
  if (typeof given !== 'object' || given === null) {
    throw new TypeError(
      'a state machine is an object { name, version, init, apply, query }: export it as default',
    )
  }
  const member = (name: string): unknown => Reflect.get(given, name)
  if (typeof member('name') !== 'string')
    throw new TypeError('a state machine has a name: a string')
  if (!Number.isSafeInteger(member('version'))) {
    throw new TypeError('a state machine has a version: an integer')
  }
  for (const name of ['init', 'apply', 'query', 'snapshot', 'restore']) {
    const needed = name === 'init' || name === 'apply'
    const value = member(name)
    if (typeof value !== 'function' && (needed || value !== undefined)) {
      throw new TypeError(`${name} of a state machine must be a function`)
    }
  }
  if ((member('snapshot') === undefined) !== (member('restore') === undefined)) {
    throw new TypeError('a state machine has both snapshot and restore, or neither')
  }
  return given as MachineDefinition
}
