/** Runs a target over many inputs, each named by seed and number, so that one can be had again alone. */
import { Prng } from '../../src/base/prng.ts'
import { mutateBytes, randomBytes } from './mutate.ts'
import type { Fate, Target } from './target.ts'

export interface Report {
  readonly target: string
  cases: number
  read: number
  /** Of the slowest input, at its best of several runs. */
  slowestMs: number
  slowest: Uint8Array
}

/** An input for which the property does not hold: goes into the corpus. */
export class Crash extends Error {
  override readonly name = 'Crash'
  readonly target: string
  readonly input: Uint8Array

  constructor(target: string, input: Uint8Array, cause: unknown) {
    const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    super(`${target} does not hold for ${Buffer.from(input).toString('hex')}: ${why}`, { cause })
    this.target = target
    this.input = input
  }
}

/** Slower inputs are looked at again, for the machine may have been busy. */
const SLOW_MS = 50

export async function runTarget(target: Target, cases: number, seed: number): Promise<Report> {
  const slowest = new Uint8Array(0)
  const report: Report = { target: target.name, cases: 0, read: 0, slowestMs: 0, slowest }
  const prng = new Prng(`${target.name}/${seed}`)
  const golden = target.golden(new Prng(target.name))
  for (const input of golden) {
    if ((await one(target, input, report)) !== 'read') {
      throw new Error(`${target.name}: a good input is refused: ${Buffer.from(input)}`)
    }
  }
  for (const input of target.edges?.(new Prng(target.name)) ?? []) await one(target, input, report)
  for (const input of everyCut(golden, cases * 0.7)) await one(target, input, report)
  while (report.cases < cases) await one(target, draw(target, golden, prng), report)
  return report
}

/** Every truncation, and one bit flipped at every position, of each golden input in turn. */
function* everyCut(golden: readonly Uint8Array[], casesMax: number): Generator<Uint8Array> {
  let left = casesMax
  for (const input of golden) {
    for (let cut = 0; cut < input.length; cut++) {
      if (left-- <= 0) return
      yield input.slice(0, cut)
    }
    for (let bit = 0; bit < input.length * 8; bit++) {
      if (left-- <= 0) return
      const bent = Uint8Array.from(input)
      bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      yield bent
    }
  }
}

function draw(target: Target, golden: readonly Uint8Array[], prng: Prng): Uint8Array {
  if (prng.chance(0.05)) return randomBytes(prng, prng.int(0, 200))
  let input = prng.pick(golden)
  const bends = target.bend !== undefined && prng.chance(0.7)
  if (bends && target.bend !== undefined) input = target.bend(input, prng)
  if (!bends || prng.chance(0.2)) input = mutateBytes(input, golden, prng)
  return target.repair !== undefined && prng.chance(0.7) ? target.repair(input) : input
}

async function one(target: Target, input: Uint8Array, report: Report): Promise<Fate> {
  report.cases++
  try {
    const startMs = performance.now()
    const fate = await target.check(input)
    let ms = performance.now() - startMs
    for (let again = 0; again < 3 && ms > SLOW_MS; again++) {
      const againMs = performance.now()
      await target.check(input)
      ms = Math.min(ms, performance.now() - againMs)
    }
    if (ms > report.slowestMs) {
      report.slowestMs = ms
      report.slowest = input
    }
    if (fate === 'read') report.read++
    return fate
  } catch (error) {
    throw new Crash(target.name, input, error)
  }
}
