/** Three daemons for a measurement, gone with it. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, freeBasePort } from '../bench/cluster.mjs'
import { removeAtExit } from '../bench/processes.mjs'

/** The directory goes away with this process. */
export function scratch() {
  const dir = mkdtempSync(join(tmpdir(), 'viewstamp-reliability-'))
  removeAtExit(dir)
  return dir
}

export const portOr = async given => given ?? (await freeBasePort())

export async function onCluster(basePort, use) {
  const cluster = new Cluster({ dir: join(scratch(), 'c'), basePort: await portOr(basePort) })
  try {
    cluster.start()
    await cluster.settled()
    return await use(cluster)
  } finally {
    await cluster.stop()
  }
}
