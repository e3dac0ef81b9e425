/** snapshot restore: a new cluster whose state at its founding is that of a snapshot. Starts nothing. */
import { resolve } from 'node:path'
import { quote } from '../../base/shell.ts'
import { builtIn } from '../../machine/built-in.ts'
import { type SnapshotReport, verifySnapshot } from '../../storage/snapshot-reader.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { createCluster, machinesOfUsers } from '../new-cluster.ts'
import { ownName } from '../own-name.ts'
import { UsageError } from '../usage-error.ts'

export const restore: Run = async (context, [file = ''], given) => {
  const dir = given.text('dir')
  if (dir === undefined) throw new UsageError('give --dir DIR, where the new cluster shall live')
  const path = resolve(file)
  const report = await verifySnapshot(path)
  assertReadable(path, report)
  const { manifest } = report
  const made = await createCluster({
    dir: resolve(dir),
    nodes: given.integer('nodes') ?? 3,
    basePort: given.integer('basePort') ?? 7400,
    clusterId: given.text('cluster') ?? manifest.cluster,
    shards: manifest.shards.length,
    from: { path, report },
  })
  context.output.print({
    whole: { restoredFrom: report.hash, nodes: made.map(node => ({ ...node })) },
    items: made.map(node => ({ ...node })),
    raw: () => made.map(node => node.config).join('\n'),
    people: () => ({
      titles: ['NODE', 'RPC', 'CONFIG'],
      rows: made.map(({ name, rpc, config }) => [context.terminal.node(name), rpc, config]),
    }),
  })
  const others = machinesOfUsers(report)
  if (others.length > 0) {
    context.note(
      `the snapshot holds state of ${others.join(', ')}: name their modules in each config.yaml (stateMachines) before starting`,
    )
  }
  context.note(
    `a new cluster with the state at op ${manifest.shards[0]?.op}; sessions of the old one are not known to it. Start each node:`,
  )
  const program = ownName(process.argv[1] ?? 'viewstamp', process.cwd(), process.env['PATH'] ?? '')
  for (const { config } of made) context.note(`  ${program} start --config ${quote(config)}`)
  return EXIT.ok
}

/** Its records must mean to this release what they meant to the one that made them. */
function assertReadable(path: string, { manifest }: SnapshotReport): void {
  for (const { name, version } of builtIn()) {
    const written = manifest.machines.find(each => each.name === name)
    if (written === undefined || written.version === version) continue
    throw new UsageError(
      `${path} holds state of ${name} in version ${written.version}, and this release knows version ${version}: restore it with release ${manifest.version}`,
    )
  }
}
