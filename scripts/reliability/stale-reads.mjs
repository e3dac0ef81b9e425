/**
 * The primary stands still for ten seconds (SIGSTOP), and wakes up believing that it still is the primary. The
 * others have gone on. Linearizable reads through it, those that came while it slept among them, must not give
 * less than what was acknowledged before they were asked.
 */
import { join } from 'node:path'
import { Daemons } from '../nemesis/daemons.mjs'
import { call } from '../nemesis/rpc.mjs'
import { sleep } from '../nemesis/system.mjs'
import { portOr, scratch } from './cluster.mjs'

const KEY = 'stale'
/** Sent to it while it sleeps; and how long it is asked when it is awake. */
const BEFORE = 50
const AFTER_MS = 3_000
const READERS = 8

export async function staleReads({ isQuick, basePort }) {
  const [rounds, stopMs] = isQuick ? [1, 2_000] : [5, 10_000]
  const daemons = new Daemons(join(scratch(), 'cluster'), 3, await portOr(basePort))
  try {
    await daemons.startAll()
    await daemons.untilWritable()
    const register = new Register(daemons)
    for (let round = 0; round < rounds; round++) await sleepAndWake(daemons, register, stopMs)
    const { answered, stale, moved } = register
    return {
      figure: `${rounds} stops of ${stopMs / 1000} s, ${moved} times the others had gone on; ${answered} reads through the node that woke up, ${stale} stale`,
      // A cluster that never went on without it has shown nothing.
      reached: stale === 0 && moved === rounds && answered >= rounds * BEFORE,
    }
  } finally {
    await daemons.killAll()
  }
}

async function sleepAndWake(daemons, register, stopMs) {
  const sleeper = await daemons.primary()
  const others = daemons.all.filter(i => i !== sleeper)
  const before = register.acknowledged
  daemons.signal(sleeper, 'SIGSTOP')
  await register.raise(others, stopMs)
  if (register.acknowledged > before) register.moved++
  // They wait in its sockets, and are the first thing that it sees.
  const early = Array.from({ length: BEFORE }, () => register.read(sleeper))
  await sleep(200)
  daemons.signal(sleeper, 'SIGCONT')
  const end = performance.now() + AFTER_MS
  const readOn = async () => {
    while (performance.now() < end) await register.read(sleeper)
  }
  const readers = Array.from({ length: READERS }, readOn)
  await Promise.all([...early, ...readers, register.raise(others, AFTER_MS)])
}

/** One key, one writer that counts up: what may be read is known. */
class Register {
  acknowledged = 0
  answered = 0
  stale = 0
  moved = 0
  #sent = 0
  #daemons

  constructor(daemons) {
    this.#daemons = daemons
  }

  async raise(nodes, forMs) {
    const end = performance.now() + forMs
    while (performance.now() < end) {
      const value = ++this.#sent
      const url = this.#daemons.url(nodes[value % nodes.length])
      const params = { key: KEY, value, meta: { timeoutMs: 1_000 } }
      const isDone = await call(url, 'kv.put', params, 1_500).then(
        () => true,
        () => false,
      )
      if (isDone) this.acknowledged = value
      else await sleep(20)
    }
  }

  async read(node) {
    const floor = this.acknowledged
    try {
      const { kv } = await call(this.#daemons.url(node), 'kv.get', { key: KEY }, 10_000)
      this.answered++
      if ((kv?.value ?? 0) < floor) this.stale++
    } catch {
      // It does not know the new primary yet: a refusal is no stale read. How many answered is counted.
      await sleep(20)
    }
  }
}
