/** Partitions, clogs, broken connections, and messages that come once more when all has moved on. */

import { isPrimary } from '../vr/state.ts'
import type { Ground, Power } from './faults.ts'
import type { Link, Partition } from './nemesis.ts'

export class LinkFaults {
  readonly #ground: Ground
  readonly #power: Power

  constructor(ground: Ground, power: Power) {
    this.#ground = ground
    this.#power = power
  }

  partition(shape: Partition): boolean {
    const { hosts, nemesis, network, coverage, report, after } = this.#ground
    const acting = hosts.find(({ replica }) => replica !== undefined && isPrimary(replica))
    const links = nemesis.cuts(shape, acting?.number)
    if (links.length === 0) return false
    for (const [from, to] of links) network.cut(from, to)
    coverage.partitions++
    report?.note(`! ${shape}: cut ${lineOf(links)}`)
    after(nemesis.duration(shape), { type: 'undo', undo: { type: 'join', links } })
    return true
  }

  join(links: readonly Link[]): void {
    for (const [from, to] of links) this.#ground.network.join(from, to)
    this.#ground.report?.note(`! joined ${lineOf(links)}`)
  }

  do(kind: 'clog' | 'swizzle' | 'reset' | 'replay'): boolean {
    const { nemesis, network, now, replay } = this.#ground
    switch (kind) {
      case 'clog': {
        const [from, to] = [nemesis.victim(kind), nemesis.victim(kind)]
        network.clog(from, to, now() + nemesis.duration(kind))
        return from !== to
      }
      case 'swizzle':
        return this.#swizzle()
      case 'reset':
        return this.#reset(nemesis.victim(kind), nemesis.victim(kind))
      case 'replay':
        return replay(nemesis.stream(kind).int(1, 8)) > 0
    }
  }

  /** The links of a random subset stop one by one, and go on in another order. */
  #swizzle(): boolean {
    const { nemesis, hosts, after } = this.#ground
    const prng = nemesis.stream('swizzle')
    const some = prng.shuffle(hosts.map(host => host.number)).slice(0, prng.int(1, hosts.length))
    const forMs = nemesis.duration('swizzle')
    const order = prng.shuffle(some)
    for (const [i, number] of some.entries()) {
      const stopMs = Math.round((i * forMs) / (2 * some.length))
      const goMs = Math.round(forMs / 2 + (order.indexOf(number) * forMs) / (2 * some.length))
      const links = linksOf(number, hosts.length)
      after(stopMs, { type: 'undo', undo: { type: 'clog', links, forMs: goMs - stopMs } })
    }
    return true
  }

  clog(links: readonly Link[], forMs: number): void {
    const { network, now, report } = this.#ground
    for (const [from, to] of links) network.clog(from, to, now() + forMs)
    report?.note(`! clogged for ${forMs} ms: ${lineOf(links)}`)
  }

  /** A connection breaks and comes back; what was under way on it is lost. */
  #reset(a: number, b: number): boolean {
    if (a === b) return false
    const { nemesis, network } = this.#ground
    const stream = nemesis.stream('reset')
    for (const [to, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      network.breakStream(peer, to)
      this.#power.tellPeer(to, peer, false)
      this.#power.tellPeer(to, peer, true, 1 + stream.int(1, 300))
    }
    return true
  }
}

function linksOf(number: number, replicas: number): Link[] {
  const links: Link[] = []
  for (let other = 0; other < replicas; other++) {
    if (other !== number) links.push([number, other], [other, number])
  }
  return links
}

const lineOf = (links: readonly Link[]): string =>
  links.map(([from, to]) => `r${from}→r${to}`).join(' ')
