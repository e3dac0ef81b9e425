/** N6: a disk runs full under load, is given room again, and goes on. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Cluster } from '../cluster.mjs'
import { Disks } from '../disks.mjs'
import { run, sleep } from '../system.mjs'
import { ms, settle } from '../verdict.mjs'
import { Workload } from '../workload.mjs'

const MEGABYTES = 96

/** One node has no reserve: it ends when the disk is full, and the other two go on. */
export const diskFull = {
  name: 'disk-full',
  needs: ['namespaces', 'loop'],
  about: 'one node meets a full disk, ends, gets room, comes back',
  run: () =>
    onDisks({ yaml: () => 'storage: { minFree: 0B }' }, async (cluster, load) => {
      const victim = await cluster.primary()
      fill(cluster, victim, 2)
      const how = await within(
        30_000,
        cluster.nodes[victim].exit,
        'the node on the full disk goes on',
      )
      const said = cluster.lastWords(victim)
      if (how !== 1 || !/the disk is full/.test(said)) throw new Error(`it ended (${how}): ${said}`)
      await load.more(50)
      makeRoom(cluster, victim)
      const ready = await cluster.start(victim)
      return { ready: ms(ready) }
    }),
}

/** All keep a reserve: they take no writes, and say so, until there is room. */
export const diskReserve = {
  name: 'disk-reserve',
  needs: ['namespaces', 'loop'],
  about: 'all disks fall below storage.minFree: writes are refused until there is room',
  run: () =>
    onDisks({ yaml: () => 'storage: { minFree: 16MiB }' }, async (cluster, load) => {
      for (const i of [0, 1, 2]) fill(cluster, i, 12)
      const before = load.refusals
      const until = Date.now() + 30_000
      while (load.refusals < before + 50) {
        if (Date.now() > until) throw new Error('writes are not refused below the reserve')
        await sleep(20)
      }
      for (const i of [0, 1, 2]) makeRoom(cluster, i)
      const freed = performance.now()
      await load.more(50)
      return { writable: ms(performance.now() - freed) }
    }),
}

async function onDisks(options, fault) {
  const cluster = new Cluster(options)
  const disks = new Disks(cluster, MEGABYTES)
  const load = new Workload(cluster, { valueBytes: 4000 })
  try {
    await cluster.startAll()
    await cluster.untilWritable()
    load.start()
    await load.more(100)
    const figures = await fault(cluster, load)
    return { ...(await settle(cluster, load)), ...figures }
  } finally {
    load.stopping = true
    await cluster.stop()
    disks.close()
  }
}

const ballast = (cluster, i) => join(cluster.dataDir(i), 'ballast')

/** Leaves so many megabytes. */
function fill(cluster, i, megabytes) {
  const free = Number(run('df', '--output=avail', '-B1', cluster.dataDir(i)).split('\n')[1])
  const size = Math.max(0, free - megabytes * 2 ** 20)
  run('fallocate', '-l', String(size), ballast(cluster, i))
}

function makeRoom(cluster, i) {
  rmSync(ballast(cluster, i))
}

async function within(limitMs, what, otherwise) {
  const late = sleep(limitMs).then(() => {
    throw new Error(`${otherwise} after ${limitMs} ms`)
  })
  return Promise.race([what, late])
}
