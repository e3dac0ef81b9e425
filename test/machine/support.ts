import type { Json } from '../../src/base/json.ts'
import { createService } from '../../src/machine/compose.ts'
import { KvMachine } from '../../src/machine/kv/kv.ts'
import type { Change, Machine } from '../../src/machine/machine.ts'
import { Rejected } from '../../src/machine/machine.ts'

export const START_MS = 1_000_000

/** A machine with a log of its own: every command has the next rev and the log time it is given. */
export class Driven {
  readonly machine: Machine
  rev = 0
  timeMs = START_MS
  changes: Change[] = []

  constructor(machine: Machine = new KvMachine()) {
    this.machine = machine
  }

  run(command: Json): Json {
    this.rev++
    this.changes = []
    return this.machine.apply(command, this.context(), this.changes)
  }

  ask(query: Json): Json {
    return this.machine.query(query, this.timeMs)
  }

  /** What a refused command answers. */
  refuse(command: Json): { name: string; data: Json; message: string } {
    return refusalOf(() => this.run(command))
  }

  /** Log time goes on to `timeMs`. */
  reach(timeMs: number): void {
    this.timeMs = timeMs
    this.changes = []
    this.machine.advance(timeMs, this.context(), this.changes)
  }

  context() {
    return { opNumber: this.rev, rev: this.rev, timeMs: this.timeMs, session: 'c1' }
  }
}

export function refusalOf(run: () => unknown): { name: string; data: Json; message: string } {
  try {
    run()
  } catch (error) {
    if (error instanceof Rejected) {
      return { name: error.errorName, data: error.data, message: error.message }
    }
    throw error
  }
  throw new Error('was not refused')
}

/** The same state in a new machine, by way of its records. */
export function reloaded(from: Machine, into: Machine): Machine {
  into.clear()
  for (const record of from.freeze().records(undefined)) into.load(record)
  return into
}

export function hashOf(machine: Machine): string {
  return createService([machine]).stateHash()
}
