import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import {
  createFounding,
  type FoundingCore,
  type FoundingDoc,
  type FoundingInput,
  stepFounding,
} from '../../src/network/founding-core.ts'
import {
  decodeFounding,
  encodeFounding,
  type FoundingMessage,
  type FoundingTerms,
  foundingIdOf,
  type MemberList,
} from '../../src/network/founding-message.ts'
import { newIdentity } from '../../src/network/identity.ts'

const PEER_IDS = Array.from({ length: 6 }, () => newIdentity().peerId).sort()
const peerOf = (i: number): string => PEER_IDS[i] ?? ''

interface SimNode {
  readonly i: number
  terms: FoundingTerms
  lives: number
  core: FoundingCore
  disk: FoundingDoc
  /** A write under way: lost or not when it crashes. */
  writing: FoundingDoc | undefined
  founded: MemberList | undefined
  stopped: string | undefined
}

interface SimOptions {
  readonly expect: number
  readonly candidates: number
  readonly lossPercent: number
  readonly crashPercent: number
  readonly termsOf?: (i: number) => Partial<FoundingTerms>
}

/** Founders over a network that loses, repeats and reorders, with crashes that lose what is not written. */
class FoundingSim {
  readonly prng: Prng
  readonly options: SimOptions
  readonly nodes: SimNode[]
  readonly mail: { from: number; to: number; bytes: Uint8Array }[] = []
  /** Every list that any node ever considered founded. */
  readonly foundedIds = new Set<string>()

  constructor(seed: number, options: SimOptions) {
    this.prng = new Prng(seed)
    this.options = options
    this.nodes = Array.from({ length: options.candidates }, (_, i) => this.#node(i))
  }

  #node(i: number): SimNode {
    const { expect, termsOf } = this.options
    const terms = { clusterId: 'c', shards: 1, expect, ...termsOf?.(i) }
    const disk = docOf(i, terms, 1)
    const core = createFounding(disk)
    return {
      i,
      terms,
      lives: 1,
      core,
      disk,
      writing: undefined,
      founded: undefined,
      stopped: undefined,
    }
  }

  step(node: SimNode, input: FoundingInput): void {
    for (const effect of stepFounding(node.core, input)) {
      if (effect.type === 'send') this.#post(node.i, PEER_IDS.indexOf(effect.to), effect.message)
      if (effect.type === 'broadcast') {
        for (const other of this.nodes) {
          if (other !== node) this.#post(node.i, other.i, effect.message)
        }
      }
      if (effect.type === 'persist') node.writing = effect.doc
      if (effect.type === 'stop') node.stopped = effect.sentence
      if (effect.type === 'founded') {
        node.founded = effect.list
        this.foundedIds.add(effect.foundingId)
      }
    }
  }

  #post(from: number, to: number, message: FoundingMessage): void {
    this.mail.push({ from, to, bytes: encodeFounding(message) })
    if (this.prng.chance(0.1)) this.mail.push({ from, to, bytes: encodeFounding(message) })
  }

  crash(node: SimNode): void {
    if (node.writing !== undefined && this.prng.chance(0.5)) node.disk = node.writing
    node.writing = undefined
    // A node that was founded and crashed before its store existed begins again from its promise.
    node.founded = undefined
    node.stopped = undefined
    node.core = createFounding(node.disk)
    for (const other of this.nodes) this.step(other, { type: 'left', peer: peerOf(node.i) })
  }

  /** A crash that takes the disk with it. */
  wipe(node: SimNode): void {
    node.writing = undefined
    node.disk = docOf(node.i, node.terms, ++node.lives)
    this.crash(node)
  }

  run(rounds: number, faults: { lossPercent: number; crashPercent: number }): void {
    for (let round = 0; round < rounds; round++) {
      const node = this.prng.pick(this.nodes)
      if (this.prng.chance(faults.crashPercent / 100)) this.crash(node)
      else if (this.prng.chance(0.2)) this.step(node, { type: 'tick' })
      if (node.writing !== undefined && this.prng.chance(0.5)) {
        node.disk = node.writing
        node.writing = undefined
        this.step(node, { type: 'persisted' })
      }
      this.#deliver(faults.lossPercent)
    }
  }

  #deliver(lossPercent: number): void {
    for (let n = this.prng.int(0, 4); n > 0 && this.mail.length > 0; n--) {
      const [letter] = this.mail.splice(this.prng.int(0, this.mail.length - 1), 1)
      if (letter === undefined || this.prng.chance(lossPercent / 100)) continue
      const receiver = this.nodes[letter.to]
      const message = decodeFounding(letter.bytes)
      if (receiver) this.step(receiver, { type: 'heard', from: peerOf(letter.from), message })
    }
    if (this.mail.length > 500) this.mail.splice(0, 250)
  }
}

function docOf(i: number, terms: FoundingTerms, life: number): FoundingDoc {
  const self = { peerId: peerOf(i), name: `n${i + 1}`, addresses: [], incarnation: `i${i}-${life}` }
  return { version: 1, terms, self }
}

const faults = { lossPercent: fc.nat(60), crashPercent: fc.nat(15) }

describe('§2 founding, unanimous and promised on disk', () => {
  test('never founds two clusters, whatever is lost, reordered or crashes; and then founds one', () => {
    const property = fc.property(
      fc.record({ seed: fc.nat(), expect: fc.integer({ min: 1, max: 4 }), ...faults }),
      ({ seed, expect: n, lossPercent, crashPercent }) => {
        const options = { expect: n, candidates: n, lossPercent, crashPercent }
        const sim = new FoundingSim(seed, options)
        sim.run(400, options)
        sim.run(2000, { lossPercent: 0, crashPercent: 0 })
        expect(sim.foundedIds.size).toBe(1)
        for (const node of sim.nodes) {
          expect(node.stopped).toBeUndefined()
          expect(node.founded?.founders.length).toBe(n)
        }
      },
    )
    fc.assert(property, { numRuns: 60 })
  })

  test('never founds two clusters out of too many candidates', () => {
    let foundings = 0
    const property = fc.property(fc.record({ seed: fc.nat(), ...faults }), scenario => {
      for (const candidates of [3, 4]) {
        const sim = new FoundingSim(scenario.seed, {
          ...scenario,
          expect: candidates - 1,
          candidates,
        })
        sim.run(800, scenario)
        sim.run(400, { lossPercent: 0, crashPercent: 0 })
        expect(sim.foundedIds.size).toBeLessThanOrEqual(1)
        foundings += sim.foundedIds.size
      }
    })
    fc.assert(property, { numRuns: 60 })
    expect(foundings).toBeGreaterThan(0)
  })

  test('never founds two clusters when one founder loses its disk on the way', () => {
    let foundings = 0
    const property = fc.property(fc.record({ seed: fc.nat(), at: fc.nat(300), ...faults }), s => {
      const sim = new FoundingSim(s.seed, { ...s, expect: 3, candidates: 3 })
      sim.run(s.at, s)
      const [victim] = sim.nodes
      if (victim) sim.wipe(victim)
      sim.run(1500, { ...s, crashPercent: 0 })
      expect(sim.foundedIds.size).toBeLessThanOrEqual(1)
      foundings += sim.foundedIds.size
    })
    fc.assert(property, { numRuns: 60 })
    expect(foundings).toBeGreaterThan(0)
  })

  test('a checker that sees a broken promise: without the disk two lists are founded', () => {
    // Forgetting promises is the bug this protocol exists to prevent; the simulation must find it.
    let worst = 0
    for (let seed = 0; seed < 400 && worst < 2; seed++) {
      const sim = new FoundingSim(seed, {
        expect: 2,
        candidates: 3,
        lossPercent: 30,
        crashPercent: 0,
      })
      for (let i = 0; i < 60; i++) {
        sim.run(10, sim.options)
        sim.wipe(sim.prng.pick(sim.nodes))
      }
      worst = Math.max(worst, sim.foundedIds.size)
    }
    expect(worst).toBeGreaterThan(1)
  })
})

describe('founders that disagree stop with a sentence', () => {
  const run = (options: SimOptions): string[] => {
    const sim = new FoundingSim(7, options)
    sim.run(3000, { lossPercent: 0, crashPercent: 0 })
    expect(sim.foundedIds.size).toBe(0)
    return sim.nodes.map(node => node.stopped ?? '')
  }
  const calm = { lossPercent: 0, crashPercent: 0 }

  test('on the number of founders', () => {
    const termsOf = (i: number): Partial<FoundingTerms> => ({ expect: i === 0 ? 3 : 2 })
    for (const sentence of run({ expect: 2, candidates: 2, termsOf, ...calm })) {
      expect(sentence).toContain('--bootstrap-expect')
    }
  })

  test('on the cluster id', () => {
    const termsOf = (i: number): Partial<FoundingTerms> => ({ clusterId: `c${i}` })
    for (const sentence of run({ expect: 2, candidates: 2, termsOf, ...calm })) {
      expect(sentence).toContain('cluster id')
    }
  })

  test('on the configured members', () => {
    const termsOf = (i: number): Partial<FoundingTerms> => ({
      members: PEER_IDS.slice(0, 2 + i),
    })
    for (const sentence of run({ expect: 2, candidates: 2, termsOf, ...calm })) {
      expect(sentence).toContain('cluster.members')
    }
  })

  test('on a name', () => {
    const sim = new FoundingSim(7, { expect: 2, candidates: 2, ...calm })
    const [a, b] = sim.nodes
    if (a === undefined || b === undefined) return expect.unreachable()
    const namesake = { ...b.disk, self: { ...b.disk.self, name: 'n1' } }
    b.core = createFounding(namesake)
    sim.run(500, calm)
    expect(a.stopped).toContain('called "n1"')
    expect(b.stopped).toContain('called "n1"')
  })
})

describe('a cluster that exists', () => {
  const founded = (): { list: MemberList; core: FoundingCore } => {
    const sim = new FoundingSim(1, { expect: 2, candidates: 2, lossPercent: 0, crashPercent: 0 })
    sim.run(1000, sim.options)
    const [node] = sim.nodes
    if (node?.founded === undefined) return expect.unreachable()
    return { list: node.founded, core: node.core }
  }
  const answerTo = (core: FoundingCore, asker: FoundingCore): FoundingMessage => {
    const [hello] = stepFounding(asker, { type: 'tick' })
    if (hello?.type !== 'broadcast') return expect.unreachable()
    const input = { type: 'heard', from: asker.self.peerId, message: hello.message } as const
    const [answer] = stepFounding(core, input)
    return answer?.type === 'send' ? answer.message : expect.unreachable()
  }

  test('tells a wiped member that it is wiped, and under which incarnation it is known', () => {
    const { core } = founded()
    const terms = { clusterId: 'c', shards: 1, expect: 2 }
    const wiped = createFounding(docOf(1, terms, 99))
    const message = answerTo(core, wiped)
    const [effect] = stepFounding(wiped, { type: 'heard', from: peerOf(0), message })
    expect(effect).toMatchObject({ type: 'stop', reason: 'wiped' })
    expect(effect?.type === 'stop' && effect.sentence).toMatch(/i1-1.*viewstamp recover/)
  })

  test('tells a stranger that it is not a member', () => {
    const { core } = founded()
    const stranger = createFounding(docOf(4, { clusterId: 'c', shards: 1, expect: 2 }, 1))
    const message = answerTo(core, stranger)
    const [effect] = stepFounding(stranger, { type: 'heard', from: peerOf(0), message })
    expect(effect).toMatchObject({ type: 'stop', reason: 'not-a-member' })
  })

  test('completes a founder that crashed after its promise', () => {
    const { core, list } = founded()
    const terms = { clusterId: 'c', shards: 1, expect: 2 }
    const late = createFounding({ ...docOf(1, terms, 1), promised: list })
    const message = answerTo(core, late)
    const effects = stepFounding(late, { type: 'heard', from: peerOf(0), message })
    expect(effects).toContainEqual({ type: 'founded', list, foundingId: foundingIdOf(list) })
  })
})

test('a promise is never spoken of before it is durable', () => {
  const sim = new FoundingSim(3, { expect: 3, candidates: 3, lossPercent: 10, crashPercent: 5 })
  for (let i = 0; i < 500; i++) {
    sim.run(1, sim.options)
    for (const { from, bytes } of sim.mail) {
      const message = decodeFounding(bytes)
      if (message.type !== 'FOUNDING' || message.promised === undefined) continue
      expect(sim.nodes[from]?.disk.promised).toEqual(message.promised)
    }
  }
})

test('decodeFounding throws nothing but FormatError', () => {
  const json = fc.jsonValue().map(value => Buffer.from(JSON.stringify(value)))
  const nearly = fc.record({
    type: fc.constantFrom('FOUNDING', 'FOUNDED'),
    terms: fc.jsonValue(),
    self: fc.jsonValue(),
    members: fc.jsonValue(),
  })
  const bytes = fc.oneof(
    fc.uint8Array(),
    json,
    nearly.map(value => Buffer.from(JSON.stringify(value))),
  )
  fc.assert(
    fc.property(bytes, input => {
      try {
        decodeFounding(input)
      } catch (error) {
        expect(error).toMatchObject({ name: 'FormatError' })
      }
    }),
  )
})
