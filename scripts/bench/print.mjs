/** The report of `npm run bench` for people. */
import { cpus, release } from 'node:os'
import { decimal, loadTable, spread, whole } from './report.mjs'

export function printFigures(figures) {
  const print = text => process.stdout.write(`${text}\n`)
  const { limits } = figures
  const cpu = `${cpus().length} × ${cpus()[0]?.model.trim()}`
  print(`\nNode ${process.version}, Linux ${release()}, ${cpu}`)
  if (figures.echo)
    print('A bare echo server, no replication: what the load generator can reach.\n')
  else {
    print(
      `${figures.nodes} nodes on loopback, every write made durable by a majority before its answer`,
    )
    const { syncs, echo } = limits
    print(
      `raw limits of the same run, per second: ${whole(syncs.perSecond)} fdatasync of a 4 KiB append`,
    )
    print(
      `(p50 ${decimal(syncs.p50Ms)} ms), ${whole(echo.http.perSecond)} echoes over HTTP, ${whole(echo.ws.perSecond)} over a WebSocket (64 in flight), ${whole(echo.batch.perSecond)} in batches\n`,
    )
  }
  if (figures.loads.length > 0) print(loadTable(figures.loads, limits))
  for (const row of figures.loads) {
    if (row.firstError !== undefined) print(`${row.op} over ${row.path}: ${row.firstError}`)
  }
  if (!figures.echo) printRest(figures, print)
}

function printRest(figures, print) {
  print('')
  print(`start-up to the first acknowledged write: ${spread(figures.startMs, 'ms')}`)
  if (figures.failoverMs.length > 0) {
    print(`fail-over gap after kill -9 of the primary: ${spread(figures.failoverMs, 'ms')}`)
  }
  if (figures.idleMiB.length > 0) {
    print(`resident memory per node, idle: ${spread(figures.idleMiB, 'MiB')}`)
    print(`resident memory per node, 100 000 keys: ${spread(figures.filledMiB, 'MiB')}`)
  }
  if (figures.soak !== undefined) {
    const { secs, viewChanges, putsPerSecond, busyCores, maxMs, errors } = figures.soak
    print(
      `full load for ${secs} s: ${viewChanges} view changes, ${whole(putsPerSecond)} puts/s, longest ${whole(maxMs)} ms, ${errors} errors, ${decimal(busyCores)} cores busy`,
    )
    if (figures.soak.firstError !== undefined) print(`first error: ${figures.soak.firstError}`)
  }
  if (figures.feeds !== undefined) printFeeds(figures.feeds, print)
  if (figures.growth !== undefined) printGrowth(figures.growth, print)
  for (const { name, busy, functions } of figures.profile || []) {
    print(`\n${name}: ${whole(100 * busy)} % busy; own time by function`)
    for (const { share, where } of functions)
      print(`  ${decimal(100 * share).padStart(5)} %  ${where}`)
  }
}

function printFeeds({ follow, one, hundred, bulk }, print) {
  print(
    `one subscriber at ${whole(follow.perSecond)} records/s: at most ${whole(follow.lag)} records behind, ${follow.missing} missing`,
  )
  print(
    `${hundred.subscribers} subscribers at ${whole(hundred.perSecond)} records/s: ${decimal(hundred.cores)} cores of all nodes; one: ${decimal(one.cores)}`,
  )
  print(
    `bulk read of ${whole(bulk.records)} records from one node: ${whole(bulk.perSecond)}/s, ${whole(bulk.MiBPerSecond)} MiB/s`,
  )
}

function printGrowth({ started, points, diskMiB }, print) {
  const shown = nodes =>
    `${nodes.map(({ held }) => whole(held)).join(', ')} MiB held, ${nodes.map(({ mapped }) => whole(mapped)).join(', ')} mapped`
  print(`just started: ${shown(started)}`)
  for (const { feedMiB, memoryMiB } of points) {
    print(`feed of ${whole(feedMiB)} MiB: ${shown(memoryMiB)}`)
  }
  print(`on disk: ${diskMiB.map(whole).join(', ')} MiB`)
}
