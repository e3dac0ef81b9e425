/** init: the data directories of a new cluster. Starts nothing. */
import { resolve } from 'node:path'
import { quote } from '../../base/shell.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { createCluster } from '../new-cluster.ts'
import { ownName } from '../own-name.ts'
import { UsageError } from '../usage-error.ts'

export const init: Run = async (context, _args, given) => {
  const dir = given.text('dir')
  if (dir === undefined) throw new UsageError('give --dir DIR, where the cluster shall live')
  const made = await createCluster({
    dir: resolve(dir),
    nodes: given.integer('nodes') ?? 3,
    standbys: given.integer('standbys', 0),
    basePort: given.integer('basePort') ?? 7400,
    clusterId: given.text('cluster') ?? 'demo',
    shards: given.integer('shards', 1) ?? 1,
  })
  const program = ownName(process.argv[1] ?? 'viewstamp', process.cwd(), process.env['PATH'] ?? '')
  context.output.print({
    whole: { nodes: made.map(node => ({ ...node })) },
    items: made.map(node => ({ ...node })),
    raw: () => made.map(node => node.config).join('\n'),
    people: () => ({
      titles: ['NODE', 'RPC', 'CONFIG'],
      rows: made.map(({ name, rpc, config }) => [context.terminal.node(name), rpc, config]),
    }),
  })
  context.note(`start each node in a terminal of its own:`)
  for (const { config } of made) context.note(`  ${program} start --config ${quote(config)}`)
  return EXIT.ok
}
