/**
 * One replica and its disk as a value: `perform` gives the cell that an input makes of it, and leaves it as
 * it was. Two cells with one text behave alike, so a cell is kept once, and what an input does to it is
 * found out once.
 */
import { assert, present, unreachable } from '../../base/assert.ts'
import type { Configuration } from '../../vr/configuration.ts'
import type { Effect, Executed, Input } from '../../vr/effect.ts'
import type { Message, Send } from '../../vr/message.ts'
import { DEFAULTS, type ReplicaOptions } from '../../vr/options.ts'
import { step } from '../../vr/replica.ts'
import { boot, createReplica, replay } from '../../vr/restart.ts'
import type { Replica } from '../../vr/state.ts'
import { epochNumber, replicaNumber } from '../../vr/terms.ts'
import { applyWrite, emptyImage, entriesOn, headOf, type Image, type Job } from '../disk.ts'
import type { HostView } from '../world.ts'
import { copyOf, LONG_MS, SHORT_MS, textOfJob, textOfReplica } from './canonical.ts'
import { ListService } from './service.ts'

/** Before log time begins: the corner has none, or no two replicas would be alike. */
const LONG_AGO_MS = -1e15

/** Every timer fires behind SHORT_MS (heartbeats, repeats) or behind LONG_MS (suspicion), and none before. */
export const CORNER_OPTIONS: ReplicaOptions = Object.freeze({
  ...DEFAULTS,
  heartbeatMs: 1,
  resendMs: 1,
  viewChangeTimeoutMs: 1000,
  startGraceMs: 1000,
  tickMaxMs: Number.MAX_SAFE_INTEGER,
  pipelineMax: 2,
  pipelineCommandsMin: 1,
  batchCommandsMax: 1,
  suffixBytesMax: 0,
})

export interface Cell extends HostView {
  readonly text: string
  /** Jobs on their way to disk, in order. */
  readonly waiting: readonly Job[]
}

export type Deed =
  | { readonly type: 'step'; readonly input: Input }
  | { readonly type: 'tick'; readonly long: boolean }
  /** The first of the jobs that wait is durable. */
  | { readonly type: 'sync' }
  /** So many of the jobs that wait make it nevertheless. */
  | { readonly type: 'crash'; readonly kept: number }
  | { readonly type: 'start' }

/** What a deed does, besides what becomes of the cell. */
export interface Done {
  readonly cell: Cell
  /** `by`: the replica and its disk at that moment. */
  readonly sent: readonly {
    readonly by: HostView
    readonly to: number
    readonly message: Message
  }[]
  readonly executed: readonly Executed[]
  readonly durable: readonly Job[]
}

export interface Setting {
  readonly configuration: Configuration
  /** What is written is durable before anything else happens. */
  readonly atOnce: boolean
}

export function settingOf(replicas: number, atOnce: boolean): Setting {
  const configuration = { epochNumber: epochNumber(0), replicaCount: replicas, primaryOffset: 0 }
  return { configuration: Object.freeze(configuration), atOnce }
}

/** Started for the first time, with an empty disk. */
export function newCell(number: number, setting: Setting): Cell {
  const image = emptyImage()
  const down = {
    number,
    boot: 0,
    wipes: 0,
    isImpostor: false,
    replica: undefined,
    image,
    waiting: [],
    text: '',
  }
  return perform(down, { type: 'start' }, setting).cell
}

export function perform(cell: Cell, deed: Deed, setting: Setting): Done {
  return new Work(cell, setting).do(deed)
}

class Work {
  readonly #number: number
  readonly #setting: Setting
  readonly #image: Image
  #boot: number
  #replica: Replica | undefined
  #waiting: Job[]
  readonly #inputs: Input[] = []
  readonly #sent: { by: HostView; to: number; message: Message }[] = []
  readonly #executed: Executed[] = []
  readonly #durable: Job[] = []

  constructor(cell: Cell, setting: Setting) {
    this.#number = cell.number
    this.#setting = setting
    this.#image = { ...cell.image, entries: [...cell.image.entries] }
    this.#boot = cell.boot
    this.#replica = copyOf(cell.replica)
    this.#waiting = [...cell.waiting]
  }

  do(deed: Deed): Done {
    switch (deed.type) {
      case 'step':
        this.#step(deed.input)
        break
      case 'tick': {
        const { nowMs: before } = present(this.#replica, 'who ticks is up')
        const nowMs = before + (deed.long ? LONG_MS : SHORT_MS)
        this.#step({ type: 'tick', nowMs, wallMs: LONG_AGO_MS })
        break
      }
      case 'sync':
        this.#sync()
        break
      case 'crash':
        for (const job of this.#waiting.slice(0, deed.kept)) this.#apply(job)
        this.#waiting = []
        this.#replica = undefined
        break
      case 'start':
        this.#start()
        break
      default:
        unreachable(deed)
    }
    while (this.#setting.atOnce && this.#waiting.length > 0) this.#sync()
    return this.#done()
  }

  #start(): void {
    this.#boot++
    const { vsr, checkpoint, start } = this.#image
    const identity = {
      shard: 0,
      replicaNumber: replicaNumber(this.#number),
      configuration: this.#setting.configuration,
      options: CORNER_OPTIONS,
      nonce: this.#number + 1000 * this.#boot,
    }
    const replica = createReplica(identity, { vsr, checkpoint, start }, new ListService())
    this.#replica = replica
    const log = entriesOn(this.#image, 1, headOf(this.#image), Number.POSITIVE_INFINITY)
    this.#carryOut(replay(replica, log))
    this.#carryOut(boot(replica, this.#boot === 1, LONG_AGO_MS))
    this.#stepAll()
  }

  #step(input: Input): void {
    this.#inputs.push(input)
    this.#stepAll()
  }

  #stepAll(): void {
    for (let next = this.#inputs.shift(); next; next = this.#inputs.shift()) {
      this.#carryOut(step(present(this.#replica, 'who steps is up'), next))
    }
  }

  #carryOut(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'send') this.#send(effect)
      else if (effect.type === 'write') this.#waiting.push(effect)
      else if (effect.type === 'execute') this.#inputs.push(effect)
      else if (effect.type === 'executed') this.#executed.push(effect)
      // The log stays in memory and below the first checkpoint.
      else assert(effect.type === 'event' || effect.type === 'answer', 'the corner is small')
    }
  }

  #send({ to, message }: Send): void {
    if (to === this.#number) {
      this.#inputs.push({ type: 'deliver', from: to, message })
      return
    }
    const [number, boot, replica] = [this.#number, this.#boot, this.#replica]
    const image = { ...this.#image, entries: [...this.#image.entries] }
    this.#sent.push({
      by: { number, boot, wipes: 0, isImpostor: false, replica, image },
      to,
      message,
    })
  }

  #sync(): void {
    const job = present(this.#waiting.shift(), 'a job waits')
    this.#apply(job)
    if (job.type !== 'write') return
    for (const send of job.then) this.#send(send)
    this.#step({ type: 'written', token: job.token })
  }

  #apply(job: Job): void {
    assert(job.type === 'write', 'the corner has no checkpoints')
    applyWrite(this.#image, job)
    this.#durable.push(job)
  }

  #done(): Done {
    const [number, boot, replica, image] = [this.#number, this.#boot, this.#replica, this.#image]
    const waiting = this.#waiting
    const disk = `${image.vsr.viewNumber} ${image.vsr.lastNormalView} ${image.entries.map(entry => entry.checksum).join(' ')}`
    const jobs = waiting.map(textOfJob).join(' ')
    const text = `${replica ? textOfReplica(replica) : 'down'} | ${disk} | ${jobs}`
    const cell: Cell = { number, boot, wipes: 0, isImpostor: false, replica, image, waiting, text }
    return { cell, sent: this.#sent, executed: this.#executed, durable: this.#durable }
  }
}
