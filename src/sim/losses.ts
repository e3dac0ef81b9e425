/**
 * Disks that rot, are lost, put back to an earlier state, replaced by a new one, or copied. How many at
 * once is bounded by what the group promises to survive: f disks; unless the run is one that may get stuck
 * (never wrong). What the daemon promises of directories put back, new or copied is in docs/storage.md:
 * that those who know better refuse them. So all others do know better here, before it happens.
 */
import { present } from '../base/assert.ts'
import { type Daemon, isKnownAsOld } from './admission.ts'
import { copyOf, emptyImage, type Image, isLost } from './disk.ts'
import type { Ground, Power } from './faults.ts'
import type { Host } from './host.ts'
import { type Hurt, rot, rotApart } from './rot.ts'

type Loss = 'rot' | 'helix' | 'wipe' | 'rollback' | 'amnesia' | 'copy'

/** Time in which the first process is heard by all before the copy starts: on their disks, too. */
const COPY_AFTER_MS = 2500

export class Losses {
  readonly #ground: Ground
  readonly #power: Power & { nextProcess(): number }
  /** Copies of directories, of earlier lives: they may be put back. */
  readonly #kept = new Map<number, Image>()
  readonly #seconds: Host[] = []
  #incarnations = 0

  constructor(ground: Ground, power: Power & { nextProcess(): number }) {
    this.#ground = ground
    this.#power = power
  }

  /** True if it happened. */
  do(kind: Loss): boolean {
    const { nemesis, hosts } = this.#ground
    const host = present(hosts[nemesis.victim(kind)], 'the host exists')
    switch (kind) {
      case 'rot':
        return this.#rot(host)
      case 'helix':
        return this.#helix()
      case 'wipe':
        return this.#wipe(host)
      case 'rollback':
        return this.#rollback(host)
      case 'amnesia':
        return this.#amnesia(host)
      case 'copy':
        return this.#copy(host)
    }
  }

  /** One more may be lost. Whoever loses its disk forgets whom it has seen: not while that matters. */
  #mayLose(host: Host): boolean {
    const { hosts, options } = this.#ground
    if (this.#isAnyLoose(host)) return false
    if (options.nemesis.beyondRepair) return true
    const lost = hosts.filter(other => other !== host && isLost(other.image)).length
    return lost < Math.floor((hosts.length - 1) / 2)
  }

  /** A process on data that is not its own, which nobody has stopped yet. */
  #isAnyLoose(but: Host): boolean {
    const all = [...this.#ground.hosts, ...this.#seconds]
    return all.some(other => other.isImpostor && other !== but)
  }

  /** The process that finds it out ends, and the next start sets aside what is left. */
  #rot(host: Host): boolean {
    if (host.isImpostor || isLost(host.image) || !this.#mayLose(host)) return false
    const rotten = rot(host.image, this.#ground.nemesis.stream('rot'), host.isUp)
    if (rotten === undefined) return false
    host.disk.record?.({ type: 'hurt', hurts: [rotten.hurt] })
    this.#ground.report?.fault(host.number, `its disk ${rotten.what}`)
    return true
  }

  /** Entries of several disks rot at once, perhaps of all; each of them stays whole on another one. */
  #helix(): boolean {
    const { hosts, nemesis, options, report } = this.#ground
    const isAnyLost = hosts.some(({ image }) => isLost(image))
    if (isAnyLost && !options.nemesis.beyondRepair) return false
    if (hosts.some(host => this.#isAnyLoose(host) || host.isImpostor)) return false
    const prng = nemesis.stream('helix')
    const isPowerCut = prng.chance(0.7)
    const others = (of: Host): Image[] => hosts.filter(host => host !== of).map(host => host.image)
    const hit = prng.shuffle([...hosts]).filter(host => {
      const ops = rotApart(host.image, others(host), prng)
      const hurts = ops.map((opNumber): Hurt => ({ type: 'flipped', opNumber }))
      if (ops.length > 0) host.disk.record?.({ type: 'hurt', hurts })
      if (ops.length > 0) report?.fault(host.number, `its disk has damaged n${ops.join(', n')}`)
      return ops.length > 0
    })
    if (isPowerCut) for (const host of hit) this.#replace(host, nemesis.duration('helix'), () => {})
    return hit.length > 0
  }

  #wipe(host: Host): boolean {
    if (host.isImpostor || !this.#mayLose(host)) return false
    const { nemesis, coverage, report } = this.#ground
    const hasSuperblock = nemesis.stream('wipe').chance(0.5)
    this.#replace(host, nemesis.duration('wipe'), () => this.#recover(host, hasSuperblock))
    coverage.wipes++
    report?.fault(host.number, hasSuperblock ? 'its database is lost' : 'its disk is lost')
    return true
  }

  /** Down, something happens to its disk, up again. */
  #replace(host: Host, downMs: number, replace: () => void): void {
    const isPlanned = !host.isUp
    this.#power.crash(host)
    replace()
    if (!isPlanned) this.#power.startLater(host.number, downMs)
  }

  /** `viewstamp recover`, or by itself where the superblock is whole: then it goes on as the same one. */
  #recover(host: Host, hasSuperblock: boolean): void {
    host.wipe(hasSuperblock)
    host.disk.record?.({ type: 'lost', hasSuperblock })
    if (hasSuperblock) return
    const made = this.#ground.now().toString(16).padStart(12, '0')
    const drawn = String(++this.#incarnations).padStart(16, '0')
    host.image.life = { incarnation: `r${made}${drawn}`, bootCounter: 0 }
    this.#kept.delete(host.number)
  }

  /** An earlier state of the directory comes back, and a process starts on it as if nothing had been. */
  #rollback(host: Host): boolean {
    const { nemesis, report } = this.#ground
    if (isLost(host.image)) return false
    const kept = this.#kept.get(host.number)
    if (kept === undefined) {
      this.#kept.set(host.number, this.#copyOf(host))
      return false
    }
    // What starts on it must be old to all others: by its number, or by what it had promised since.
    const life = { ...kept.life, bootCounter: kept.life.bootCounter + 2 }
    if (!this.#isKnown(host, { image: kept, life })) {
      const isFew = host.image.life.bootCounter < life.bootCounter
      if (isFew && nemesis.stream('rollback').chance(0.5)) {
        this.#replace(host, nemesis.duration('rollback'), () => {})
      }
      return false
    }
    this.#kept.delete(host.number)
    this.#replace(host, nemesis.duration('rollback'), () => this.#becomeImpostor(host, kept, kept))
    report?.fault(host.number, `its disk is put back to start ${kept.life.bootCounter}`)
    return true
  }

  /** A new directory, founded by mistake instead of recovered. */
  #amnesia(host: Host): boolean {
    const { nemesis, report } = this.#ground
    const { image } = host
    if (!this.#isKnown(host, { image, life: image.life })) return false
    const life = { incarnation: `new ${++this.#incarnations}`, bootCounter: 0 }
    this.#replace(host, nemesis.duration('amnesia'), () =>
      this.#becomeImpostor(host, { ...emptyImage(), life }, undefined),
    )
    report?.fault(host.number, 'starts with a new directory')
    return true
  }

  #isKnown(host: Host, old: { readonly image: Image; readonly life: Image['life'] }): boolean {
    if (this.#isAnyLoose(host)) return false
    const images = this.#ground.hosts.map(({ image }) => image)
    return !images.some(isLost) && isKnownAsOld(images, host.number, old)
  }

  #becomeImpostor(host: Host, image: Image, copy: Image | undefined): void {
    Object.assign(host.image, copyOf(image), { damaged: true })
    host.disk.record?.({ type: 'put-back', copy })
    host.isImpostor = true
  }

  #copyOf({ disk }: Host): Image {
    const copy = copyOf(disk.image)
    disk.record?.({ type: 'copied', copy })
    return copy
  }

  /**
   * Of a directory in use, whose owner goes on; or of one at rest, whose owner then starts, and is heard. A
   * second daemon starts on the copy: with a later number than the owner has, or with the same one.
   */
  #copy(host: Host): boolean {
    const { nemesis, after } = this.#ground
    if (host.isImpostor || isLost(host.image)) return false
    let image = this.#copyOf(host)
    if (!host.isUp || nemesis.stream('copy').chance(0.5)) {
      this.#replace(host, nemesis.duration('copy'), () => {
        image = this.#copyOf(host)
      })
    }
    const undo = { type: 'copy' as const, host: host.number, image }
    after(COPY_AFTER_MS, { type: 'undo', undo })
    return true
  }

  startCopy(number: number, image: Image): void {
    const { hosts, prng, report, second } = this.#ground
    const host = present(hosts[number], 'the host exists')
    const life = { ...image.life, bootCounter: image.life.bootCounter + 1 }
    if (!this.#isKnown(host, { image, life })) return
    const copy = second(host)
    this.#becomeImpostor(copy, image, image)
    this.#seconds.push(copy)
    report?.fault(number, 'a second daemon starts on a copy of its directory')
    copy.start(prng.u32(), this.#power.nextProcess())
  }

  isSecond(host: Host): boolean {
    return this.#seconds.includes(host)
  }

  /** A process is told by a peer that it must not be: it ends, and its operator recovers it. */
  fence(daemon: Daemon, reason: string): void {
    const { hosts, coverage, report, nemesis } = this.#ground
    const host = [...hosts, ...this.#seconds].find(each => each.daemon === daemon)
    if (host === undefined) return
    coverage.fences++
    report?.fault(host.number, `fenced: ${reason}`)
    this.#power.crash(host)
    if (this.isSecond(host)) {
      host.isImpostor = false
      return
    }
    this.#recover(host, false)
    this.#power.startLater(host.number, nemesis.duration('wipe'))
  }

  /** The liveness phase begins: no operator leaves things as they are. */
  recoverAll(): void {
    for (const copy of this.#seconds) this.#power.crash(copy)
    this.#seconds.length = 0
    for (const host of this.#ground.hosts) {
      if (!host.isImpostor) continue
      this.#power.crash(host)
      this.#recover(host, false)
    }
  }
}
