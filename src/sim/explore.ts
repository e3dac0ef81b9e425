/**
 * An exhaustive corner: every order of events of a small cluster, breadth-first, so that the first story
 * that breaks a property is a shortest one. Messages arrive in any order, any number of times, or never:
 * the set of those sent only grows, and each may be delivered at any moment (one that is not is one that is
 * lost). A replica may be slow, suspect, crash and come back; its disk may be slow.
 *
 * What a replica does is a function of what it is (explore/cell.ts), so it is found out once for a cell
 * and an input; a state of the cluster is a few numbers (explore/space.ts).
 */
import { AssertionError, present } from '../base/assert.ts'
import { utf8 } from '../base/bytes.ts'
import type { Command } from '../vr/entry.ts'
import type { Message } from '../vr/message.ts'
import { isPrimary } from '../vr/state.ts'
import { clientId, replicaNumber, requestNumber } from '../vr/terms.ts'
import { Violation } from './check/check.ts'
import { textOfMessage } from './explore/canonical.ts'
import {
  type Cell,
  type Deed,
  type Done,
  newCell,
  perform,
  type Setting,
  settingOf,
} from './explore/cell.ts'
import { judge } from './explore/judge.ts'
import { Space, type State } from './explore/space.ts'
import { formatMessage } from './format.ts'
import type { Committed } from './world.ts'

/** What may happen, and how often. */
export interface Corner {
  readonly replicas: number
  /** Different commands of the one client; then each once more. */
  readonly commands: number
  readonly repeats: number
  readonly crashes: number
  /** The highest view that is looked at. */
  readonly views: number
  /** Questions of state transfer that a replica asks in one life. */
  readonly questions: number
  readonly slowDisks: boolean
  /** Heartbeats and repeats; without them only what a message or a suspicion sets off. */
  readonly heartbeats: boolean
}

export const CORNER: Corner = {
  replicas: 3,
  commands: 2,
  repeats: 1,
  crashes: 1,
  views: 2,
  questions: 2,
  slowDisks: true,
  heartbeats: true,
}

export interface Explored {
  readonly states: number
  readonly steps: number
  /** Events of the longest story looked at to its end. */
  readonly depth: number
  /** Nothing of the corner is left. */
  readonly isComplete: boolean
  readonly violation:
    | { readonly property: string; readonly message: string; readonly story: string[] }
    | undefined
}

/** Stops at `states` states, or when `isOver`. */
export function explore(
  corner: Corner,
  limits: { readonly states: number; isOver(states: number): boolean },
): Explored {
  return new Explorer(corner, limits.states).run(size => limits.isOver(size))
}

/** The client's requests, in the order in which it sends them. */
function commandsOf({ commands, repeats }: Corner): Command[] {
  const numbers = Array.from({ length: commands }, (_, i) => i + 1)
  return [...numbers, ...numbers.slice(0, repeats)].map(n => operation(n))
}

function operation(n: number): Command {
  return {
    kind: 'operation',
    clientId: clientId('c@1'),
    requestNumber: requestNumber(n),
    ackedNumber: requestNumber(0),
    meta: '',
    operation: utf8(`op${n}`),
  }
}

const REGISTER: Command = {
  ...operation(0),
  kind: 'register',
  clientId: clientId('c'),
  operation: utf8(''),
}

interface Sent {
  readonly from: number
  readonly to: number
  readonly message: Message
}

/** What a deed makes of a cell, in numbers; `undefined`: out of the corner. */
interface Outcome {
  readonly cell: number
  readonly sent: readonly number[]
  readonly done: Done
}

// Deeds as numbers; from DELIVER on, the message.
const SHORT = 0
const LONG = 1
const SYNC = 2
const START = 3
const CRASH = 4
const REQUEST = 32
const DELIVER = 64

class Explorer {
  readonly #corner: Corner
  readonly #setting: Setting
  readonly #commands: readonly Command[]
  readonly #space: Space
  readonly #cells: Cell[] = []
  readonly #cellOf = new Map<string, number>()
  readonly #messages: Sent[] = []
  readonly #messageOf = new Map<string, number>()
  readonly #committed: (readonly Committed[])[] = []
  readonly #committedOf = new Map<string, number>()
  /** Of each cell: what each deed makes of it. */
  readonly #outcomes: Map<number, Outcome | undefined>[] = []
  #steps = 0

  constructor(corner: Corner, states: number) {
    this.#corner = corner
    this.#setting = settingOf(corner.replicas, !corner.slowDisks)
    this.#commands = commandsOf(corner)
    this.#space = new Space(corner.replicas, states)
    this.#begin()
  }

  run(isOver: (states: number) => boolean): Explored {
    let next = 0
    try {
      while (next < this.#space.size && !this.#space.isFull && !isOver(this.#space.size)) {
        this.#expand(next)
        next++
      }
    } catch (error) {
      if (!(error instanceof Found)) throw error
      return this.#result(next, error)
    }
    return this.#result(next, undefined)
  }

  #result(next: number, found: Found | undefined): Explored {
    const { size } = this.#space
    return {
      states: size,
      steps: this.#steps,
      depth: this.#story(Math.max(0, Math.min(next, size) - 1)).length,
      isComplete: next === size && found === undefined,
      violation: found && {
        property: found.property,
        message: found.message,
        story: [...this.#story(next), this.#told(found.replica, found.deed)],
      },
    }
  }

  // The beginning: a session is open, and everybody knows it.

  #begin(): void {
    const atOnce = settingOf(this.#corner.replicas, true)
    const cells = Array.from({ length: this.#corner.replicas }, (_, i) => newCell(i, atOnce))
    const transit: Sent[] = []
    const committed: Committed[] = []
    const act = (number: number, deed: Deed): void => {
      const done = perform(present(cells[number], 'the replica exists'), deed, atOnce)
      cells[number] = done.cell
      for (const { to, message } of done.sent) transit.push({ from: number, to, message })
      for (const { entry } of done.executed) {
        if (entry.opNumber > committed.length) committed.push({ ...entry, atMs: 0, committedBy: 0 })
      }
      for (let next = transit.shift(); next; next = transit.shift()) {
        const { from, to, message } = next
        act(to, { type: 'step', input: { type: 'deliver', from: replicaNumber(from), message } })
      }
    }
    act(0, { type: 'step', input: { type: 'request', lamport: 0, commands: [REGISTER] } })
    act(0, { type: 'tick', long: false })
    const state = {
      cells: cells.map(cell => this.#cell(cell)),
      committed: this.#commit(committed),
      used: 0,
      messages: [],
    }
    this.#space.add(state, undefined, [])
  }

  // Numbers for things.

  #cell(cell: Cell): number {
    const key = `${cell.number} ${cell.text}`
    const known = this.#cellOf.get(key)
    if (known !== undefined) return known
    this.#cellOf.set(key, this.#cells.length)
    this.#outcomes.push(new Map())
    return this.#cells.push(cell) - 1
  }

  #message(sent: Sent): number {
    const key = `${sent.from} ${sent.to} ${textOfMessage(sent.message)}`
    const known = this.#messageOf.get(key)
    if (known !== undefined) return known
    this.#messageOf.set(key, this.#messages.length)
    return this.#messages.push(sent) - 1
  }

  #commit(committed: readonly Committed[]): number {
    const key = committed.map(({ checksum, committedBy }) => `${checksum} ${committedBy}`).join()
    const known = this.#committedOf.get(key)
    if (known !== undefined) return known
    this.#committedOf.set(key, this.#committed.length)
    return this.#committed.push(committed) - 1
  }

  // From a state to those after it.

  #expand(index: number): void {
    const state = this.#space.state(index)
    for (const id of state.messages) {
      this.#go(index, state, present(this.#messages[id], 'it was sent').to, DELIVER + id)
    }
    state.cells.forEach((id, number) => {
      for (const deed of this.#deeds(state, present(this.#cells[id], 'the cell exists'))) {
        this.#go(index, state, number, deed)
      }
    })
  }

  #deeds({ used }: State, { replica, waiting }: Cell): number[] {
    if (replica === undefined) return [START]
    const deeds = this.#corner.heartbeats ? [SHORT, LONG] : [LONG]
    if (waiting.length > 0) deeds.push(SYNC)
    const sent = used % REQUEST
    if (sent < this.#commands.length && isPrimary(replica)) deeds.push(REQUEST + sent)
    if (used < REQUEST * this.#corner.crashes) {
      for (let kept = 0; kept <= waiting.length; kept++) deeds.push(CRASH + kept)
    }
    return deeds
  }

  #go(from: number, state: State, replica: number, deed: number): void {
    const before = present(state.cells[replica], 'the replica exists')
    const outcome = this.#outcome(before, deed, replica)
    if (outcome === undefined) return
    const isRequest = deed >= REQUEST && deed < DELIVER
    const isCrash = deed >= CRASH && deed < REQUEST
    const fresh = outcome.sent.filter(id => !state.messages.includes(id))
    // Nothing came of it: whatever can follow can follow without it.
    if (outcome.cell === before && fresh.length === 0) return
    this.#steps++
    const after: State = {
      cells: state.cells.with(replica, outcome.cell),
      committed: this.#judge(state, outcome, replica, deed),
      used: state.used + (isRequest ? 1 : isCrash ? REQUEST : 0),
      messages: [...state.messages, ...fresh],
    }
    if (!this.#space.isFull) this.#space.add(after, { from, replica, deed }, fresh)
  }

  #outcome(id: number, deed: number, replica: number): Outcome | undefined {
    const outcomes = present(this.#outcomes[id], 'the cell exists')
    if (outcomes.has(deed)) return outcomes.get(deed)
    const outcome = this.#perform(present(this.#cells[id], 'the cell exists'), deed, replica)
    outcomes.set(deed, outcome)
    return outcome
  }

  #perform(cell: Cell, deed: number, replica: number): Outcome | undefined {
    const input = this.#deed(deed)
    // Who is down hears nothing.
    if (cell.replica === undefined && input.type !== 'start') return undefined
    let done: Done
    try {
      done = perform(cell, input, this.#setting)
    } catch (error) {
      if (error instanceof AssertionError)
        throw new Found('assertion', error.message, replica, deed)
      throw error
    }
    if (!this.#isInside(done.cell)) return undefined
    const sent = done.sent.map(({ to, message }) => this.#message({ from: replica, to, message }))
    return { cell: this.#cell(done.cell), sent: [...new Set(sent)], done }
  }

  #isInside({ replica, boot, number }: Cell): boolean {
    if (replica === undefined) return true
    const asked = replica.nextNonce - (number + 1000 * boot + 1)
    const { views, questions } = this.#corner
    if (replica.viewNumber > views || asked > questions) return false
    return (replica.transfer?.unanswered ?? 0) <= 1
  }

  #deed(deed: number): Deed {
    if (deed === SHORT || deed === LONG) return { type: 'tick', long: deed === LONG }
    if (deed === SYNC) return { type: 'sync' }
    if (deed === START) return { type: 'start' }
    if (deed < REQUEST) return { type: 'crash', kept: deed - CRASH }
    if (deed < DELIVER) {
      const command = present(this.#commands[deed - REQUEST], 'the client has it')
      return { type: 'step', input: { type: 'request', lamport: 0, commands: [command] } }
    }
    const { from, message } = present(this.#messages[deed - DELIVER], 'it was sent')
    return { type: 'step', input: { type: 'deliver', from: replicaNumber(from), message } }
  }

  #judge(state: State, { cell, done }: Outcome, replica: number, deed: number): number {
    const before = state.cells.map(id => present(this.#cells[id], 'the cell exists'))
    const after = before.with(replica, present(this.#cells[cell], 'the cell exists'))
    const committed = present(this.#committed[state.committed], 'it was committed')
    const earlier = (): Message[] =>
      state.messages.flatMap(id => {
        const sent = this.#messages[id]
        return sent?.from === replica ? [sent.message] : []
      })
    try {
      const now = judge({ before, after, committed, done, earlier })
      return now.length === committed.length ? state.committed : this.#commit(now)
    } catch (error) {
      if (error instanceof Violation) throw new Found(error.property, error.message, replica, deed)
      throw error
    }
  }

  // What is told.

  #story(index: number): string[] {
    const lines: string[] = []
    for (let at = index; ; ) {
      const step = this.#space.step(at)
      if (step === undefined) return lines.reverse()
      lines.push(this.#told(step.replica, step.deed))
      at = step.from
    }
  }

  #told(replica: number, deed: number): string {
    const who = `r${replica}`
    if (deed === SHORT) return `${who}  a little later`
    if (deed === LONG) return `${who}  has heard nothing for long`
    if (deed === SYNC) return `${who}  disk`
    if (deed === START) return `${who}  starts`
    if (deed < REQUEST) return `${who}  crashes; ${deed - CRASH} of its writes make it`
    if (deed < DELIVER)
      return `${who}  takes ${String(this.#commands[deed - REQUEST]?.requestNumber)}`
    const { from, message } = present(this.#messages[deed - DELIVER], 'it was sent')
    return `${who}  ← r${from}  ${formatMessage(message)}`
  }
}

/** A property does not hold behind this deed. */
class Found extends Error {
  readonly property: string
  readonly replica: number
  readonly deed: number

  constructor(property: string, message: string, replica: number, deed: number) {
    super(message)
    this.property = property
    this.replica = replica
    this.deed = deed
  }
}
