/** recover: what to do about a node whose data is lost, while nodes cannot be replaced yet. */
import type { Run } from '../command.ts'

export const recover: Run = async (_context, _args, given) => {
  const whose =
    given.text('dataDir') === undefined ? 'that node' : `the node of ${given.text('dataDir')}`
  throw new Error(
    `recover is not available in this version. Leave ${whose} stopped: the others go on while a majority of all runs. To be complete again, found a new cluster (viewstamp init) and move the keys to it: viewstamp kv export -e OLD | viewstamp kv import -e NEW`,
  )
}
