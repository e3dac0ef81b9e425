/**
 * Everything that can be configured, in the order that `viewstamp config print` shows: meaning, default, bounds.
 * Durations are milliseconds and sizes bytes once read; paths are absolute; `null` becomes undefined.
 */
import { resolve } from 'node:path'
import {
  choice,
  duration,
  flag,
  group,
  integer,
  list,
  listOf,
  optional,
  path,
  size,
  text,
  type ValueOf,
} from './config-field.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
const NAME_RULE = '1–63 letters, digits, dots, dashes or underscores'
const MULTIADDR = /^\/[a-z0-9]+\/[^\s]+$/
const MULTIADDR_RULE = 'a multiaddr such as /ip4/127.0.0.1/tcp/7400'
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{46,64}$/
const PEER_ID_RULE = 'a libp2p peer id such as 12D3Koo…'
const HOST_PORT = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/

const multiaddr = (doc: string) => text(doc, undefined, MULTIADDR, MULTIADDR_RULE)

export const CONFIG = group('A Viewstamp daemon', {
  version: integer('Version of this format', 1, 1, 1),
  node: group('This daemon', {
    name: text('Label of this node, unique in its cluster', undefined, NAME, NAME_RULE),
    dataDir: path('Where the identity, the log and the state live', resolve),
    role: choice('A standby follows and never votes', 'replica', ['replica', 'standby']),
  }),
  cluster: group('The cluster this node belongs to', {
    id: text('Label of the cluster, the same on all its nodes', 'viewstamp', NAME, NAME_RULE),
    members: listOf('The founders; leave out and use bootstrapExpect to discover them', {
      name: text('Label of the member', undefined, NAME, NAME_RULE),
      peerId: text('Its identity', undefined, PEER_ID, PEER_ID_RULE),
      addresses: list(multiaddr('Where it may be reached'), [], 16),
    }),
    standbys: listOf('Who follows and never votes; the same on all nodes', {
      name: text('Label of the standby', undefined, NAME, NAME_RULE),
      peerId: text('Its identity', undefined, PEER_ID, PEER_ID_RULE),
      addresses: list(multiaddr('Where it may be reached'), [], 16),
    }),
    bootstrapExpect: optional(
      integer('How many founders there will be when no members are listed', 3, 1, 15),
    ),
  }),
  discovery: group('How nodes find each other', {
    peers: list(multiaddr('Addresses to ask for other nodes'), [], 64),
    mdns: flag('Find nodes of the local network by multicast', false),
  }),
  p2p: group('The network between nodes', {
    listen: list(multiaddr('Addresses to listen on'), ['/ip4/127.0.0.1/tcp/7400'], 16),
    announce: list(multiaddr('Addresses to tell others, when not those listened on'), [], 16),
    sharedKeyFile: optional(path('A key that closes the network to strangers', resolve)),
  }),
  rpc: group('JSON-RPC, WebSocket, metrics, health and dashboard: one port', {
    listen: text('Host and port', '127.0.0.1:7401', HOST_PORT, 'host:port such as 127.0.0.1:7401'),
    tokensFile: optional(path('Tokens that callers must show', resolve)),
    insecureNoAuth: flag('Listen beyond loopback without tokens', false),
    allowedHosts: list(text('Host headers allowed besides IP literals and localhost'), [], 64),
    allowedOrigins: list(text('Web origins that may call'), [], 64),
    limits: group('Bounds of what callers may ask', {
      bodyBytes: size('Largest request', '4MiB', '1KiB', '64MiB'),
      batch: integer('Calls in one batch', 1_000, 1, 100_000),
      depth: integer('Nesting of arrays and objects', 32, 4, 256),
      subscriptions: integer('Subscriptions of one connection', 64, 1, 10_000),
      buffer: integer('Events waiting for one slow subscriber', 1_000, 1, 100_000),
      inFlight: integer('Calls being answered at a time', 4_096, 1, 100_000),
    }),
  }),
  replication: group('Viewstamped Replication', {
    heartbeat: duration('A primary is heard from at least this often', '50ms', '5ms', '1m'),
    viewChangeTimeout: duration('Silence after which a view is left', '250ms', '25ms', '10m'),
    pipeline: integer('Entries under way at a time', 64, 1, 4_096),
    batch: group('Bounds of one entry', {
      ops: integer('Commands', 1_024, 1, 65_536),
      bytes: size('Bytes', '1MiB', '4KiB', '16MiB'),
    }),
    clients: integer('Sessions remembered', 4_096, 1, 1_000_000),
  }),
  storage: group('The data directory', {
    sync: choice('Every acknowledged write is on disk', 'always', ['always']),
    checkpointEvery: integer('Ops between checkpoints', 10_000, 1, 100_000_000),
    keepLog: group('Log kept below the checkpoint for peers and readers', {
      ops: integer('Ops', 100_000, 0, 1_000_000_000),
      age: duration('Age', '24h', '0s', '3650d'),
    }),
    scrub: group('Stored data read again in the background, to find damage in time', {
      every: duration('From one pass to the next', '6h', '100ms', '365d'),
      rate: size('Bytes read in a second', '1MiB', '1KiB', '1GiB'),
    }),
    minFree: size(
      'Less free space than this: no client writes, no primary',
      '512MiB',
      '0B',
      '1024TiB',
    ),
  }),
  feeds: group('Feeds', {
    retention: group('What a feed keeps unless it says otherwise', {
      age: optional(duration('Age', '7d', '1s', '36500d')),
      bytes: optional(size('Bytes', '1GiB', '1KiB', '1024TiB')),
      records: optional(integer('Records', 1_000_000, 1, 1_000_000_000_000)),
    }),
    autoCreate: flag('Publishing to an unknown feed creates it', true),
  }),
  shards: integer('VR groups of the cluster; set when it is founded', 1, 1, 256),
  stateMachines: listOf('State machines of your own', {
    name: text('Its name in calls', undefined, NAME, NAME_RULE),
    module: path('JavaScript module whose default export is the machine', resolve),
  }),
  log: group('Messages on stderr', {
    level: choice('The least important kept', 'info', ['trace', 'debug', 'info', 'warn', 'error']),
    format: choice('auto: pretty on a terminal, else JSON', 'auto', ['auto', 'json', 'pretty']),
  }),
  metrics: flag('Serve /metrics', true),
  dashboard: flag('Serve the dashboard', true),
  chaos: flag('Allow fault injection through RPC (loopback only)', false),
})

export type Config = ValueOf<typeof CONFIG>
