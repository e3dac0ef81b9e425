/** One backup is down for a minute, under full load: what the other two do, beside what all three do. */
import { load } from '../bench/load.mjs'
import { median, sleep } from '../bench/processes.mjs'
import { decimal, whole } from '../bench/report.mjs'
import { primaryEndpoint } from '../bench/suites.mjs'
import { onCluster } from './cluster.mjs'

const LOAD = { path: 'ws', op: 'put', inFlight: 64, warmSecs: 0 }
const THROUGHPUT_MIN = 0.9
const P99_MAX = 2
/** The node that was down for a minute has that much to fetch. */
const SETTLED_MS = 120_000

/** Whole and one-down in turn, on one cluster: the machine is not the same from minute to minute. */
export function oneDown({ isQuick, basePort }) {
  const [wholeSecs, downSecs, rounds] = isQuick ? [3, 3, 1] : [30, 60, 3]
  return onCluster(basePort, async cluster => {
    const phase = async secs => {
      const result = await load({ ...LOAD, endpoints: [await primaryEndpoint(cluster)], secs })
      if (result.errors > 0) throw new Error(`a call failed: ${result.firstError}`)
      return result
    }
    // What is not compiled yet is not measured.
    await phase(isQuick ? 1 : 10)
    const [whole_, down] = [[], []]
    let views = 0
    for (let round = 0; round < rounds; round++) {
      whole_.push(await phase(wholeSecs))
      const view = await cluster.view()
      const backup = ((await cluster.primary()) + 1) % cluster.nodes.length
      await cluster.nodes[backup].kill('SIGKILL')
      down.push(await phase(downSecs))
      views += (await cluster.view()) - view
      cluster.nodes[backup].start()
      await cluster.settled(SETTLED_MS)
      await sleep(1_000)
    }
    return judge(whole_, down, views)
  })
}

/** Medians of the phases. */
export function judge(before, down, views) {
  const of = (phases, name) => median(phases.map(phase => phase[name]))
  const throughput = of(down, 'perSecond') / of(before, 'perSecond')
  const p99 = of(down, 'p99Ms') / of(before, 'p99Ms')
  const told = phases =>
    `${whole(of(phases, 'perSecond'))}/s, p99 ${decimal(of(phases, 'p99Ms'))} ms`
  const shares = `${whole(100 * throughput)} % and ${decimal(p99)} ×`
  return {
    figure: `whole ${told(before)}; one down ${told(down)}: ${shares}; ${views} view changes`,
    reached: throughput >= THROUGHPUT_MIN && p99 <= P99_MAX && views === 0,
  }
}
