/** N9: the power of all three nodes fails at once, under load, again and again. */
import { Cluster } from '../cluster.mjs'
import { Disks } from '../disks.mjs'
import { sleep } from '../system.mjs'
import { unsyncedProgram } from '../unsynced.mjs'
import { Lost, settle, times } from '../verdict.mjs'
import { Workload } from '../workload.mjs'

const MEGABYTES = 160
const READY_MS_MAX = 10_000

export const powerCuts = {
  name: 'power-cuts',
  needs: ['namespaces', 'loop'],
  about: 'all disks as a power cut leaves them, in turn',
  run: ({ cuts, random }) => cutPower(new Cluster({ yaml: checkpoints }), cuts, random),
}

/** The test of the test: a build that does not sync must lose what it has acknowledged. */
export const unsynced = {
  name: 'power-cuts-unsynced',
  needs: ['namespaces', 'loop'],
  about: 'the same with a build that does not sync: must lose writes',
  async run({ random }) {
    try {
      await cutPower(new Cluster({ program: unsyncedProgram(), yaml: checkpoints }), 3, random)
    } catch (error) {
      if (error instanceof Lost) return { lost: error.message }
      throw error
    }
    throw new Error(
      'a build that syncs nothing lost nothing: power cuts are not what they should be',
    )
  },
}

/** Often, so that cuts hit them, too. */
const checkpoints = () => 'storage: { checkpointEvery: 300, keepLog: { ops: 500 }, minFree: 0B }'

async function cutPower(cluster, cuts, random) {
  const disks = new Disks(cluster, MEGABYTES)
  const load = new Workload(cluster)
  try {
    await cluster.startAll()
    await cluster.untilWritable()
    load.start()
    const ready = []
    const writable = []
    for (let cut = 0; cut < cuts; cut++) {
      await load.more(100)
      await sleep(random() * 1500)
      await disks.cut()
      // An entry that was acknowledged is on the disks of a majority.
      const [, second] = await disks.heads()
      if (second < load.op) {
        const message = `op ${load.op} was acknowledged, two disks end at op ${second} or before`
        throw new Lost(load.op - second, message)
      }
      const before = performance.now()
      ready.push(await cluster.startAll())
      await cluster.untilWritable()
      writable.push(performance.now() - before)
    }
    const slowest = Math.max(...ready)
    if (slowest > READY_MS_MAX) throw new Error(`a restart took ${Math.round(slowest)} ms`)
    const figures = await settle(cluster, load)
    return { cuts, ...figures, ready: times(ready), writable: times(writable) }
  } finally {
    load.stopping = true
    await cluster.stop()
    disks.close()
  }
}
