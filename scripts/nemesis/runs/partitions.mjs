/** N3: the network between the nodes is cut in every way that three nodes know, under load. */
import { Cluster } from '../cluster.mjs'
import { cut, heal, host, lose, makeLinks, removeLinks, wrap } from '../links.mjs'
import { sleep } from '../system.mjs'
import { settle, times } from '../verdict.mjs'
import { Workload } from '../workload.mjs'

const N = 3
const others = i => [0, 1, 2].filter(k => k !== i)
const both = (a, b) => [cut(a, b), cut(b, a)]

/** One of them is long: by then TCP has lost its patience. */
const LONG_MS = 20_000
const HEALED_MS_MAX = 5_000

/** Each is given the primary; the last member says whether writes go on. */
const CUTS = [
  ['primary', p => others(p).map(k => both(p, k)), true],
  ['a backup', p => others((p + 1) % N).map(k => both((p + 1) % N, k)), true],
  ['primary hears nobody', p => others(p).map(k => cut(k, p)), true],
  ['nobody hears the primary', p => others(p).map(k => cut(p, k)), true],
  ['primary from one backup', p => both(p, (p + 1) % N), true],
  ['the backups from each other', p => both((p + 1) % N, (p + 2) % N), true],
  ['everybody alone', () => [0, 1, 2].map(i => both(i, (i + 1) % N)), false],
  ['a tenth of all packets', () => [0, 1, 2].map(i => others(i).map(k => lose(i, k, 0.1))), true],
]

export const partitions = {
  name: 'partitions',
  needs: ['namespaces', 'network'],
  about: 'packets between the nodes are dropped, one way and both',
  async run({ rounds, random }) {
    makeLinks(N)
    const cluster = new Cluster({ host, wrap })
    const load = new Workload(cluster)
    try {
      await cluster.startAll()
      await cluster.untilWritable()
      load.start()
      const healed = []
      const through = []
      let cuts = 0
      // All of them at least once.
      for (; cuts < Math.max(rounds, CUTS.length); cuts++) {
        const [name, make, writable] = CUTS[cuts % CUTS.length]
        await load.more(50)
        make(await cluster.primary())
        const before = performance.now()
        if (writable) {
          await load.more(20)
          through.push([performance.now() - before, name])
        }
        await sleep(cuts === 0 ? LONG_MS : 1000 + random() * 3000)
        heal(N)
        healed.push(await cluster.untilHealed(name, HEALED_MS_MAX))
      }
      const figures = await settle(cluster, load)
      const [, slowest] = through.sort(([a], [b]) => b - a)[0]
      const writes = { '20 writes after a cut': times(through.map(([took]) => took)), slowest }
      return { cuts, ...figures, ...writes, healed: times(healed) }
    } finally {
      load.stopping = true
      await cluster.stop()
      removeLinks(N)
    }
  },
}
