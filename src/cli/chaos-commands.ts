/** The rows of `chaos …`, part of commands.ts. */
import type { CommandSpec, OptionSpec } from './command.ts'

const NODES: readonly OptionSpec[] = [
  ['--node <names>', 'these nodes, as in n1,n3; `primary` is one, too (the node called)', 'many'],
  ['--all', 'all nodes'],
]
const FOR: OptionSpec = ['--for <duration>', 'ends by itself after this (until healed)']
const FRAMES: readonly OptionSpec[] = [
  ['--direction <way>', 'both (default), in or out, seen from the node'],
  ['--shard <name>', 'only frames of this shard'],
  FOR,
]
const PEER: OptionSpec = ['--peer <names>', 'to and from these nodes (all others)', 'many']

/** All of them are refused unless the daemons run with --chaos, as those of a demo do. */
export const CHAOS: readonly CommandSpec[] = [
  {
    usage: 'chaos partition <nodes> [others]',
    summary: 'cut nodes off from others (from all others): n1 n2,n3',
    options: FRAMES,
    examples: ['viewstamp chaos partition primary --for 10s', 'viewstamp chaos partition n1 n2,n3'],
    load: async () => (await import('./commands/chaos.ts')).partition,
  },
  {
    usage: 'chaos heal [nodes]',
    summary: 'end every fault (of all nodes)',
    options: NODES,
    load: async () => (await import('./commands/chaos.ts')).heal,
  },
  {
    usage: 'chaos drop <share>',
    summary: 'lose a share of the frames: 0.1 or 10%',
    options: [...NODES, PEER, ...FRAMES],
    load: async () => (await import('./commands/chaos.ts')).drop,
  },
  {
    usage: 'chaos delay <duration>',
    summary: 'frames take so much longer, each way',
    options: [
      ...NODES,
      PEER,
      ['--jitter <duration>', 'and by up to this more, drawn for each'],
      ...FRAMES,
    ],
    load: async () => (await import('./commands/chaos.ts')).delay,
  },
  {
    usage: 'chaos pause [nodes]',
    summary: 'nodes stand still, as if stopped (SIGSTOP)',
    options: [...NODES, FOR],
    load: async () => (await import('./commands/chaos.ts')).pause,
  },
  {
    usage: 'chaos resume [nodes]',
    summary: 'they go on (all that are paused)',
    options: NODES,
    load: async () => (await import('./commands/chaos.ts')).resume,
  },
  {
    usage: 'chaos slow-disk <duration>',
    summary: 'each synced batch takes so much longer',
    options: [...NODES, FOR],
    load: async () => (await import('./commands/chaos.ts')).slowDisk,
  },
  {
    usage: 'chaos kill [nodes]',
    summary: 'nodes end at once, as by kill -9',
    options: NODES,
    load: async () => (await import('./commands/chaos.ts')).kill,
  },
  {
    usage: 'chaos restart [nodes]',
    summary: 'the same, and the demo starts them again',
    options: NODES,
    load: async () => (await import('./commands/chaos.ts')).restart,
  },
  {
    usage: 'chaos status [nodes]',
    summary: 'the faults in force (at all nodes)',
    options: NODES,
    load: async () => (await import('./commands/chaos.ts')).status,
  },
]
