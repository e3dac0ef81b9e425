/** The flags of `start`, each with the place in the configuration that it sets. */
import type { Override } from '../daemon/config.ts'
import type { OptionSpec } from './command.ts'
import type { Given } from './given.ts'
import { UsageError } from './usage-error.ts'

interface StartFlag {
  readonly name: string
  readonly path: string
  readonly kind: 'text' | 'list' | 'flag'
  readonly option: OptionSpec
}

const START_FLAGS: readonly StartFlag[] = [
  text('name', 'node.name', '--name <name>', 'label of this node'),
  text('dataDir', 'node.dataDir', '--data-dir <dir>', 'where its identity, log and state live'),
  text('role', 'node.role', '--role <role>', 'replica or standby'),
  text('cluster', 'cluster.id', '--cluster <id>', 'label of the cluster'),
  text(
    'bootstrapExpect',
    'cluster.bootstrapExpect',
    '--bootstrap-expect <n>',
    'found a cluster of n nodes, once they have found each other',
  ),
  list('peer', 'discovery.peers', '--peer <multiaddr>', 'address to ask for other nodes'),
  flag('mdns', 'discovery.mdns', '--mdns', 'find nodes of the local network by multicast'),
  list('listen', 'p2p.listen', '--listen <multiaddr>', 'libp2p address to listen on'),
  list('announce', 'p2p.announce', '--announce <multiaddr>', 'libp2p address to tell others'),
  text(
    'sharedKeyFile',
    'p2p.sharedKeyFile',
    '--shared-key-file <file>',
    'key that closes the network to strangers',
  ),
  text('rpc', 'rpc.listen', '--rpc <host:port>', 'where to answer RPC'),
  text('tokensFile', 'rpc.tokensFile', '--tokens-file <file>', 'tokens that callers must show'),
  flag(
    'insecureNoAuth',
    'rpc.insecureNoAuth',
    '--insecure-no-auth',
    'RPC beyond loopback without tokens',
  ),
  text('shards', 'shards', '--shards <n>', 'VR groups of the cluster (when it is founded)'),
  text('logLevel', 'log.level', '--log-level <level>', 'trace, debug, info, warn or error'),
  text('logFormat', 'log.format', '--log-format <format>', 'auto, json or pretty'),
  flag('chaos', 'chaos', '--chaos', 'allow fault injection through RPC'),
]

export const START_OPTIONS: readonly OptionSpec[] = [
  ...START_FLAGS.map(each => each.option),
  [
    '--set <path=value>',
    'any value of the configuration, as in replication.heartbeat=20ms',
    'many',
  ],
]

export function overridesOf(given: Given): readonly Override[] {
  const flags = START_FLAGS.flatMap(({ name, path, kind }) => {
    const value = read(given, name, kind)
    return value === undefined ? [] : [{ path, value, where: given.where(name) }]
  })
  return [...flags, ...given.list('set').map(assignment => set(assignment, given.where('set')))]
}

function read(given: Given, name: string, kind: StartFlag['kind']): Override['value'] | undefined {
  if (kind === 'flag') return given.flag(name)
  if (kind === 'text') return given.text(name)
  const items = given.list(name)
  return items.length === 0 ? undefined : items
}

function set(assignment: string, where: string): Override {
  const at = assignment.indexOf('=')
  if (at < 1)
    throw new UsageError(`${where} must be like replication.heartbeat=20ms, not '${assignment}'`)
  const [path, value] = [assignment.slice(0, at), assignment.slice(at + 1)]
  return { path, value: value === 'null' ? null : value, where }
}

function text(name: string, path: string, flags: string, doc: string): StartFlag {
  return { name, path, kind: 'text', option: [flags, doc] }
}

function list(name: string, path: string, flags: string, doc: string): StartFlag {
  return { name, path, kind: 'list', option: [flags, `${doc} (repeatable)`, 'many'] }
}

function flag(name: string, path: string, flags: string, doc: string): StartFlag {
  return { name, path, kind: 'flag', option: [flags, doc] }
}
