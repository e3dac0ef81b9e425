/** The rows of `snapshot …`, part of commands.ts. */
import type { CommandSpec } from './command.ts'

export const SNAPSHOT: readonly CommandSpec[] = [
  {
    usage: 'snapshot save <file>',
    summary:
      'the whole state of the cluster, made by one node while writes go on, in one file here',
    options: [
      ['--force', 'replace FILE'],
      ['--consistency <level>', 'linearizable (default); local: of a node without a quorum'],
    ],
    examples: ['viewstamp snapshot save backup.snapshot'],
    load: async () => (await import('./commands/snapshot.ts')).save,
  },
  {
    usage: 'snapshot restore <file>',
    summary:
      'write the data directories of a new cluster that begins with this state; starts nothing',
    options: [
      ['--dir <dir>', 'gets n1 … nN, as with init'],
      ['-n, --nodes <n>', 'how many nodes (3)'],
      ['--base-port <port>', 'libp2p on this port, RPC on the next, 10 apart (7400)'],
      ['--cluster <id>', 'label of the new cluster (that of the old one)'],
    ],
    examples: ['viewstamp snapshot restore backup.snapshot --dir c2'],
    load: async () => (await import('./commands/snapshot-restore.ts')).restore,
  },
  {
    usage: 'snapshot ls',
    summary: 'the snapshots that a node keeps',
    load: async () => (await import('./commands/snapshot.ts')).list,
  },
  {
    usage: 'snapshot verify <file>',
    summary: 'compute every hash again; exit code 9 if one differs',
    load: async () => (await import('./commands/snapshot.ts')).verify,
  },
]
