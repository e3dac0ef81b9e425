/** kill -9 of the primary under a steady trickle of writes, until the first write that is acknowledged after it. */
import { median } from '../bench/processes.mjs'
import { whole } from '../bench/report.mjs'
import { failover } from '../bench/suites.mjs'
import { onCluster } from './cluster.mjs'

const MEDIAN_MS_MAX = 1_000
const WORST_MS_MAX = 3_000

export function failoverGap({ isQuick, basePort }) {
  return onCluster(basePort, async cluster => {
    const gaps = await failover(cluster, isQuick ? 1 : 10)
    const [middle, worst] = [median(gaps), Math.max(...gaps)]
    return {
      figure: `median ${whole(middle)} ms, longest ${whole(worst)} ms of ${gaps.length} kills`,
      reached: middle <= MEDIAN_MS_MAX && worst <= WORST_MS_MAX,
    }
  })
}
