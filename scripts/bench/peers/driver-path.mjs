/** The harness looks for drivers in its own folder by relative path: ours lead from there to here. */
import { realpathSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The path of one of our drivers, as the harness in `directory` has to write it. */
export function driverPath(name, directory) {
  const here = dirname(fileURLToPath(import.meta.url))
  return relative(join(realpathSync(directory), 'drivers'), join(here, name))
}
