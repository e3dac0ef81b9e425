/** Every command: its words, its options, where its code is. The code is loaded when it runs. */
import { CHAOS } from './chaos-commands.ts'
import type { CommandSpec, OptionSpec } from './command.ts'
import { FEED, GROUP } from './feed-commands.ts'
import { SNAPSHOT } from './snapshot-commands.ts'
import { START_OPTIONS } from './start-flags.ts'

const CONSISTENCY: readonly OptionSpec[] = [
  ['--consistency <level>', 'linearizable (default), session or local'],
  ['--min-rev <rev>', 'with session: wait until this rev is applied'],
]
const SHARD: OptionSpec = ['--shard <name>', 'a shard other than main']

const RUN: readonly CommandSpec[] = [
  {
    usage: 'demo',
    summary: 'a whole cluster on this machine, to try and to break',
    options: [
      ['-n, --nodes <n>', 'how many daemons (3)'],
      ['--base-port <port>', 'libp2p on this port, RPC on the next, 10 apart (7400)'],
      ['--dir <dir>', 'where the data lives (a temporary directory)'],
      ['--keep', 'keep the data, and go on with what is there'],
      ['--chaos', 'allow fault injection, as it does unless told otherwise'],
      ['--no-chaos', 'do not'],
      ['--shards <n>', 'VR groups (1)'],
    ],
    load: async () => (await import('./commands/demo.ts')).demo,
  },
  {
    usage: 'init',
    summary: 'write the data directories of a new cluster; starts nothing',
    options: [
      ['--dir <dir>', 'gets n1 … nN, each with identity, config.yaml and an empty store'],
      ['-n, --nodes <n>', 'how many nodes (3)'],
      ['--standbys <n>', 'and how many that follow and never vote (0): standby1 …'],
      ['--base-port <port>', 'libp2p on this port, RPC on the next, 10 apart (7400)'],
      ['--cluster <id>', 'label of the cluster (demo)'],
      ['--shards <n>', 'VR groups (1)'],
    ],
    examples: ['viewstamp init --dir c && viewstamp start --config c/n1/config.yaml'],
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    usage: 'standby <name>',
    summary:
      'write the data directory of a standby for a cluster that is there (-e: one of its nodes)',
    options: [
      ['--dir <dir>', 'gets a directory of that name'],
      ['--base-port <port>', 'libp2p on this port, RPC on the next'],
    ],
    examples: ['viewstamp standby reader --dir c --base-port 7500 -e http://127.0.0.1:7401'],
    load: async () => (await import('./commands/standby.ts')).standby,
  },
  {
    usage: 'start',
    summary: 'one daemon in the foreground; the same command every time',
    options: [['--config <file>', 'config.yaml, as init writes it'], ...START_OPTIONS],
    load: async () => (await import('./commands/start.ts')).start,
  },
  {
    usage: 'recover',
    summary:
      'let a node that lost its data rejoin; it fetches all from the others (-e: one of them)',
    options: [['--data-dir <dir>', 'of that node, which must not be running']],
    examples: [
      'viewstamp recover --data-dir c/n2 && viewstamp start --config c/n2/config.yaml',
      'viewstamp recover --data-dir c/n2 -e http://127.0.0.1:7401   # nothing but identity.key is left',
    ],
    load: async () => (await import('./commands/recover.ts')).recover,
  },
  {
    usage: 'ready',
    summary: 'wait until every endpoint serves (--timeout, 30s)',
    load: async () => (await import('./commands/cluster.ts')).ready,
  },
]

const KV: readonly CommandSpec[] = [
  {
    usage: 'kv put <key> [value]',
    short: 'put',
    summary: 'set a key; a VALUE that parses as JSON is JSON, else text; none: from a pipe',
    options: [
      ['--ttl <duration>', 'gone after this'],
      ['--if-rev <rev>', 'only if the key is at this rev'],
      ['--if-absent', 'only if there is no such key'],
      ['--prev', 'tell the former value'],
    ],
    load: async () => (await import('./commands/kv-write.ts')).put,
  },
  {
    usage: 'kv get <key>',
    short: 'get',
    summary: 'the value of a key',
    options: CONSISTENCY,
    load: async () => (await import('./commands/kv-read.ts')).get,
  },
  {
    usage: 'kv del [key]',
    short: 'del',
    summary: 'delete a key, or all with a prefix',
    options: [
      ['--prefix <prefix>', 'all keys that begin so'],
      ['--if-rev <rev>', 'only if the key is at this rev'],
      ['--prev', 'tell the former value'],
    ],
    load: async () => (await import('./commands/kv-write.ts')).del,
  },
  {
    usage: 'kv ls [prefix]',
    summary: 'keys and values, in order of key',
    options: [
      ['--keys-only', 'no values'],
      ['--limit <n>', 'at most so many (1000; 0: all)'],
      ['--start <key>', 'from this key on'],
      ['--end <key>', 'up to before this key'],
      ['--reverse', 'from the last'],
      ['--count', 'only how many'],
      ...CONSISTENCY,
    ],
    load: async () => (await import('./commands/kv-read.ts')).list,
  },
  {
    usage: 'kv cas <key> [values...]',
    summary: 'KEY EXPECTED NEW: set if it is as expected; exit code 4 if not',
    options: [
      ['--rev <rev>', 'expect this rev (then: KEY NEW)'],
      ['--absent', 'expect no such key (then: KEY NEW)'],
      ['--delete', 'delete instead of setting NEW'],
    ],
    load: async () => (await import('./commands/kv-write.ts')).cas,
  },
  {
    usage: 'kv incr <key> [by]',
    summary: 'add to a number; prints the sum',
    options: [
      ['--init <number>', 'what a missing key counts as (0)'],
      ['--min <number>', 'refuse to go below'],
      ['--max <number>', 'refuse to go above'],
    ],
    load: async () => (await import('./commands/kv-write.ts')).incr,
  },
  {
    usage: 'kv apply <program>',
    summary: 'arithmetic on keys in one commit',
    examples: ["viewstamp kv apply 'x+=2; y*=4; x=x+y'"],
    load: async () => (await import('./commands/kv-write.ts')).apply,
  },
  {
    usage: 'kv txn [file]',
    summary: 'compare, then or else, in one commit; JSON from FILE or - (a pipe)',
    load: async () => (await import('./commands/kv-txn.ts')).txn,
  },
  {
    usage: 'kv watch [key]',
    short: 'watch',
    summary: 'changes as they are committed; --cluster: view changes and membership',
    options: [
      ['--prefix <prefix>', 'all keys that begin so'],
      ['--from <rev>', 'now (default), first, or a rev'],
      ['--prev', 'tell the former value too'],
      ['--count <n>', 'end after so many'],
      ['--cluster', 'the cluster instead of keys'],
    ],
    load: async () => (await import('./commands/kv-watch.ts')).watch,
  },
  {
    usage: 'kv history <key>',
    summary: 'the last versions of a key, newest first, as far as the log is kept',
    options: [['--limit <n>', 'at most so many (20)'], ...CONSISTENCY],
    load: async () => (await import('./commands/kv-history.ts')).history,
  },
  {
    usage: 'kv hash',
    summary: 'hash of the state: the same on all replicas at the same op',
    options: CONSISTENCY,
    load: async () => (await import('./commands/kv-read.ts')).hash,
  },
  {
    usage: 'kv export [prefix]',
    summary: 'keys and values as lines of JSON',
    options: CONSISTENCY,
    load: async () => (await import('./commands/kv-transfer.ts')).exportKeys,
  },
  {
    usage: 'kv import [file]',
    summary: 'the same back in, or the state changes of a log; FILE or - (a pipe)',
    options: [SHARD],
    load: async () => (await import('./commands/kv-transfer.ts')).importKeys,
  },
]

const CLUSTER: readonly CommandSpec[] = [
  {
    usage: 'status',
    summary: 'one line per node: role, status, view, op, commit, lag, primary',
    options: [
      ['--all', 'all members, not only the endpoints given'],
      ['--watch', 'all members, as they change'],
      ['--interval <duration>', 'with --watch: how often (250ms)'],
    ],
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    usage: 'members ls',
    summary: 'who is in the cluster',
    load: async () => (await import('./commands/cluster.ts')).members,
  },
  {
    usage: 'step-down',
    summary: 'the primary hands over',
    options: [['--to <node>', 'to this node'], SHARD],
    load: async () => (await import('./commands/cluster.ts')).stepDown,
  },
  {
    usage: 'log info',
    summary: 'where the log of a node begins and ends',
    options: [SHARD],
    load: async () => (await import('./commands/log.ts')).info,
  },
  {
    usage: 'log read',
    summary: 'the log: commands, the state changes they made, or both',
    options: [
      ['--as <what>', 'commands (default), changes or both'],
      ['--from <op>', 'from this op; -10: the last ten'],
      ['--limit <n>', 'at most so many entries (100; in a pipe, or with 0: all)'],
      SHARD,
    ],
    examples: ['viewstamp log read --as changes | viewstamp kv import -e http://127.0.0.1:7501'],
    load: async () => (await import('./commands/log.ts')).read,
  },
  {
    usage: 'log show <op>',
    summary: 'one entry',
    options: [['--timeline', 'when it passed which station on which node'], SHARD],
    load: async () => (await import('./commands/log.ts')).show,
  },
  {
    usage: 'log verify',
    summary: 'check the hash chain; exit code 9 if it is broken',
    options: [['--all', 'compare all replicas'], SHARD],
    load: async () => (await import('./commands/log.ts')).verify,
  },
]

const OTHER: readonly CommandSpec[] = [
  {
    usage: 'trace <id>',
    summary: 'all commands of a correlation, over keys, feeds and shards, as a tree of causes',
    options: [
      ['--limit <n>', 'at most so many (1000)'],
      ['--consistency <level>', 'linearizable (default), session or local'],
    ],
    formats: ['mermaid'],
    examples: [
      'viewstamp put a 1 --correlation-id order-7 && viewstamp trace order-7 -o table',
      'viewstamp trace order-7 -o mermaid   # a diagram',
    ],
    load: async () => (await import('./commands/trace.ts')).trace,
  },
  {
    usage: 'check',
    summary: 'load a live cluster and judge its answers; exit code 9 unless all is well',
    options: [
      ['--duration <duration>', 'of the load (60s)'],
      ['--clients <n>', 'at once (16)'],
      ['--workload <what>', 'keys (default), or feed: a feed of its own'],
      ['--chaos', 'with faults, where the nodes allow them'],
      ['--kill', 'with --chaos: also kill nodes; those of the demo come back'],
      ['--record <file>', 'write what was asked and answered, as JSON lines'],
      ['--history <file>', 'judge what was recorded (-: a pipe) instead of a cluster'],
      ['--ops <n>', 'end the load after so many operations'],
      ['--min-ops <n>', 'not ok with fewer acknowledged operations (a share of its calm start)'],
      ['--seed <n>', 'draws what is asked'],
      ['--keep', 'do not remove the keys, or the feed, afterwards'],
    ],
    examples: ['viewstamp check --duration 10s -e localhost:7401'],
    load: async () => (await import('./commands/check.ts')).check,
  },
  {
    usage: 'doctor',
    summary:
      'what keeps a node or the cluster from doing well, and the next step; exit code 1 if something fails',
    options: [
      ['--config <file>', 'of the node to look at'],
      ['--dir <dir>', 'its data directory, or what init made: all nodes in it'],
    ],
    examples: ['viewstamp doctor --dir c'],
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    usage: 'inspect <path>',
    summary:
      'a data directory or a snapshot, without a daemon; changes nothing; exit code 9 if damaged',
    options: [
      ['--verify', 'check every value and the hash of the state too'],
      ['--log <from..to>', 'show these entries of the log'],
      ['--keys <prefix>', 'show the keys that begin so'],
      SHARD,
    ],
    examples: [
      'viewstamp inspect c/n1 --verify',
      'viewstamp inspect c/n1 --log 1..20 --keys user/',
    ],
    load: async () => (await import('./commands/inspect.ts')).inspect,
  },
  {
    usage: 'sm list',
    summary: 'state machines of this cluster',
    load: async () => (await import('./commands/machine.ts')).list,
  },
  {
    usage: 'sm submit <machine> <command>',
    summary: 'a command through the log',
    load: async () => (await import('./commands/machine.ts')).submit,
  },
  {
    usage: 'sm query <machine> <query>',
    summary: 'a question to its state',
    load: async () => (await import('./commands/machine.ts')).query,
  },
  {
    usage: 'rpc <method> [json]',
    summary: 'any call; params by name',
    examples: [`viewstamp rpc kv.get '{"key":"x"}'`],
    load: async () => (await import('./commands/rpc.ts')).rpc,
  },
  {
    usage: 'config check [file]',
    summary: 'every problem with file and line',
    options: START_OPTIONS,
    load: async () => (await import('./commands/config.ts')).check,
  },
  {
    usage: 'config print [file]',
    summary: 'what a daemon would run with: file, environment and flags merged',
    options: START_OPTIONS,
    load: async () => (await import('./commands/config.ts')).print,
  },
  {
    usage: 'config schema',
    summary: 'JSON Schema of the file, for editors',
    load: async () => (await import('./commands/config.ts')).schema,
  },
  {
    usage: 'completion <shell>',
    summary: 'completion for bash, zsh or fish',
    examples: ['eval "$(viewstamp completion bash)"'],
    load: async () => (await import('./commands/completion.ts')).completion,
  },
  {
    usage: 'version',
    summary: 'version of this program',
    load: async () => (await import('./commands/version.ts')).version,
  },
]

export const COMMANDS: readonly CommandSpec[] = [
  ...RUN,
  ...KV,
  ...FEED,
  ...GROUP,
  ...CLUSTER,
  ...SNAPSHOT,
  ...CHAOS,
  ...OTHER,
]

/** What the first words of two-word commands mean. */
export const GROUPS: Readonly<Record<string, string>> = {
  kv: 'keys and values',
  feed: 'feeds of records',
  group: 'consumer groups of feeds',
  members: 'who is in the cluster',
  log: 'the replicated log',
  chaos: 'faults, put in on purpose (daemons with --chaos, as in a demo)',
  snapshot: 'the whole state in a file: backup and restore',
  sm: 'state machines of your own',
  config: 'configuration of a daemon',
}

/** Options of every command. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  [
    '-e, --endpoint <url>',
    'RPC of a node (http://127.0.0.1:7401); several: the next when one fails',
    'many',
  ],
  ['-o, --output <format>', 'table, json, jsonl or raw'],
  ['--json', 'as -o json'],
  ['--timeout <duration>', 'for a whole call (5s)'],
  ['-q, --quiet', 'no messages'],
  ['-v, --verbose', 'more messages'],
  ['--no-color', 'no colours'],
  ['--correlation-id <id>', 'goes with every call, for traces'],
  ['--token-file <file>', 'token to show'],
]
