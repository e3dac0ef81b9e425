/**
 * A cluster whose every step a script decides: what is delivered, dropped or held, whose disk is slow, who
 * stops. The hosts are the simulator's, and so are the properties; only chance is gone. The language is
 * in interaction.ts.
 */
import { present } from '../base/assert.ts'
import { Prng } from '../base/prng.ts'
import { quorumOf } from '../vr/configuration.ts'
import type { Command } from '../vr/entry.ts'
import type { Message, ReplyAnswer } from '../vr/message.ts'
import { DEFAULTS, type ReplicaOptions } from '../vr/options.ts'
import { epochNumber } from '../vr/terms.ts'
import { emptyCoverage } from './coverage.ts'
import { Digest } from './digest.ts'
import { Disk, emptyImage, entryOn } from './disk.ts'
import type { HostEvent } from './event.ts'
import { formatAnswer, formatMessage, sessionOf } from './format.ts'
import { History } from './history.ts'
import { Host } from './host.ts'
import type { Script } from './script.ts'
import type { End, Surroundings } from './surroundings.ts'
import { calmOptions } from './swarm.ts'
import { safetyChecks, Watcher } from './watch.ts'
import type { World } from './world.ts'

const TICK_MS = 10
/** More deliveries than any scene needs: a script that goes round in circles ends here. */
const DELIVERIES_MAX = 2000

interface InTransit {
  readonly from: number
  readonly to: number
  readonly message: Message
}

/** Which messages a directive means: any that fit all of what is given. */
export interface Which {
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly type?: string | undefined
}

export class Stage implements Surroundings {
  readonly hosts: Host[] = []
  /** Name of a client → its session. */
  readonly sessions = new Map<string, string>()
  readonly watch: Watcher
  readonly #world: World
  readonly #script: Script
  #transit: InTransit[] = []
  /** All that was sent, for `record`. */
  readonly #sent: InTransit[] = []
  readonly #recorded = new Map<string, InTransit>()
  readonly #skewMs = new Map<number, number>()
  #local: { readonly host: Host; readonly boot: number; readonly event: HostEvent }[] = []
  #cuts: Which[] = []
  #holds: Which[] = []
  readonly #hung = new Set<number>()

  constructor(replicas: number, given: Partial<ReplicaOptions>, script: Script) {
    this.#script = script
    const replica = {
      ...DEFAULTS,
      startGraceMs: 250,
      suffixBytesMax: 0,
      pipelineCommandsMin: 1,
      ...given,
    }
    const scene = { replica, tickMs: TICK_MS, selfDelivery: 'at-once' } as const
    const options = { ...calmOptions(1, { replicas }), ...scene }
    const configuration = { epochNumber: epochNumber(0), replicaCount: replicas, primaryOffset: 0 }
    const disk = { syncMs: [0, 0], checkpointSlicesMax: 1, keepUnsynced: 0, stall: 0 } as const
    for (let number = 0; number < replicas; number++) {
      const virtual = new Disk(emptyImage(), disk, new Prng(number))
      const fields = { number, disk: virtual, configuration, options }
      this.hosts.push(new Host(fields, this))
    }
    this.#world = {
      options,
      quorum: quorumOf(configuration),
      hosts: this.hosts,
      history: new History(),
      committed: [],
      core: [],
      nowMs: 0,
    }
    const told = { coverage: emptyCoverage(), digest: new Digest(), report: script }
    // Who asks in a scene is the script: there is no history of clients to compare with.
    const checks = safetyChecks(this.#world).filter(({ name }) => name !== 'requested')
    this.watch = new Watcher(checks, told)
    for (const host of this.hosts) this.start(host.number)
  }

  get nowMs(): number {
    return this.#world.nowMs
  }

  // Directives.

  start(number: number): void {
    const host = this.host(number)
    host.start(number + 16 * host.boot)
  }

  stop(number: number): void {
    this.host(number).crash()
  }

  host(number: number): Host {
    return present(this.hosts[number], 'the replica exists')
  }

  request(host: number, client: number, command: Command): void {
    this.host(host).on({ type: 'request', client, command, seen: 0 })
  }

  read(host: number, client: number, key: string): void {
    this.host(host).on({ type: 'read', client, id: 0, key, kind: 'linearizable' })
  }

  /** Everything (or what is meant) arrives, disks sync, and what follows from it, until all is quiet. */
  deliver(which: Which): void {
    for (let i = 0; i < DELIVERIES_MAX; i++) {
      if (this.#stepLocal() || this.#stepTransit(which)) continue
      return
    }
    this.#script.line('… and so on')
  }

  drop(which: Which): void {
    const dropped = this.#transit.filter(message => fits(message, which))
    this.#transit = this.#transit.filter(message => !fits(message, which))
    for (const { from, to, message } of dropped) {
      this.#script.line(`r${from} -x r${to}        ${formatMessage(message)}`)
    }
  }

  cut(which: Which): void {
    this.#cuts.push(which)
    this.#transit = this.#transit.filter(message => !fits(message, which))
  }

  /** The last message sent that is meant, delivered or not, gets a name. */
  record(name: string, which: Which): void {
    const last = this.#sent.findLast(message => fits(message, which))
    this.#recorded.set(name, present(last, 'such a message was sent'))
  }

  /** The recorded message is under way once more. */
  replay(name: string): void {
    this.#transit.push(present(this.#recorded.get(name), 'the message was recorded'))
  }

  /** Its disk is lost; the superblock may be left. It starts as a replica that recovers. */
  wipe(number: number, hasSuperblock: boolean): void {
    this.stop(number)
    this.host(number).wipe(hasSuperblock)
  }

  /** A bit of an entry on its disk flips. */
  damage(number: number, op: number): void {
    const { image } = this.host(number)
    const entry = present(entryOn(image, op), 'the entry is on its disk')
    const bytes = entry.bytes.slice()
    bytes[bytes.length - 1] = 1 ^ (bytes.at(-1) ?? 0)
    image.entries[op - image.first] = { ...entry, bytes }
    image.damaged = true
  }

  /** Its clock on the wall is off from now on. */
  skew(number: number, byMs: number): void {
    this.#skewMs.set(number, byMs)
  }

  heal(): void {
    this.#cuts = []
  }

  hold(which: Which): void {
    this.#holds.push(which)
  }

  release(): void {
    this.#holds = []
  }

  /** Writes wait from now on; `sync` lets them through. */
  hang(number: number): void {
    this.#hung.add(number)
  }

  sync(number: number): void {
    this.#hung.delete(number)
  }

  /** Time passes for these replicas, in small steps. */
  tick(ms: number, who: readonly number[], step: 'silent' | 'deliver'): void {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      this.#world.nowMs += TICK_MS
      for (const number of who) if (this.host(number).isUp) this.host(number).tick()
      if (step === 'deliver') this.deliver({})
    }
  }

  #stepLocal(): boolean {
    const at = this.#local.findIndex(
      ({ host, event }) => event.type !== 'synced' || !this.#hung.has(host.number),
    )
    const [next] = at < 0 ? [] : this.#local.splice(at, 1)
    if (next === undefined) return false
    if (next.host.boot === next.boot) next.host.on(next.event)
    return true
  }

  #stepTransit(which: Which): boolean {
    const at = this.#transit.findIndex(
      message => fits(message, which) && !this.#holds.some(hold => fits(message, hold)),
    )
    const [next] = at < 0 ? [] : this.#transit.splice(at, 1)
    if (next === undefined) return false
    const { from, to, message } = next
    this.host(to).on({ type: 'deliver', from, message })
    return true
  }

  // What hosts ask of their surroundings.

  send({ number: from }: Host, to: number, message: Message): void {
    const sent = { from, to, message }
    this.#sent.push(sent)
    if (!this.#cuts.some(cut => fits(sent, cut))) this.#transit.push(sent)
  }

  later(host: Host, _atMs: number, event: HostEvent): void {
    // The script ticks.
    if (event.type !== 'tick') this.#local.push({ host, boot: host.boot, event })
  }

  /** It met damage; the script starts it again. No disk fails here, and no end is armed. */
  ended(host: Host, why: End): void {
    if (why !== 'damage') throw new Error(`r${host.number} ended: ${why}`)
    this.#script.line(`r${host.number}              ends: ${why}`)
    host.crash()
  }

  monotonicMs(): number {
    return this.nowMs
  }

  wallMs(host: Host): number {
    return this.nowMs + (this.#skewMs.get(host.number) ?? 0)
  }

  reply(host: Host, client: number, name: string, n: number, answer: ReplyAnswer): void {
    const session = n === 0 ? sessionOf(answer) : undefined
    if (session !== undefined) this.sessions.set(name, session)
    this.#script.line(`r${host.number} -> c${client}        #${n} ${formatAnswer(answer)}`)
  }

  value(host: Host, client: number, _id: number, value: string): void {
    this.#script.line(`r${host.number} -> c${client}        reads ${value}`)
  }
}

function fits({ from, to, message }: InTransit, which: Which): boolean {
  if (which.from !== undefined && which.from !== from) return false
  if (which.to !== undefined && which.to !== to) return false
  return which.type === undefined || which.type === message.type
}
