/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util'

export const usage = `npm run bench -- [options]

  --quick            one short round, under 60 s in all
  --secs N           seconds per sample (3)
  --rounds N         rounds, each with a fresh cluster; medians are shown (3)
  --in-flight A,B    calls in flight, in place of those of the plan
  --kills N          kill -9 of the primary, for the fail-over gap (5)
  --only A,B         of: put-http batch-http put-ws put-sdk get-http local-http get-ws local-ws publish-http
                     publish-ws publish-sdk publish-batch startup memory failover feeds growth soak
  --soak SECS        full load for so long, counting view changes (60 when asked for by --only)
  --grow MIB         memory and disk while a feed grows so far (2048 when asked for by --only growth)
  --nodes N          size of the cluster (3)
  --to primary|all   where clients send their calls (primary)
  --dir DIR          where data goes, on a disk (a new directory in the system's temporary one)
  --base-port N      first port (a free block between 24000 and 32000)
  --json             one JSON document on stdout instead of the table
  --cpu-prof DIR     keep a CPU profile of every node there and list its costliest functions (one round, no kills)
  --echo             measure the load generator against a bare echo server; starts no cluster
  --peers DIR        side by side with etcd and ZooKeeper, through the peers' harness in DIR (README.md)
  --systems A,B      with --peers: of viewstamp,etcd,zookeeper
`

export const loads = {
  'put-http': { path: 'http', op: 'put', inFlight: [1, 16, 64, 256] },
  'batch-http': { path: 'http', op: 'batch', inFlight: [16] },
  'put-ws': { path: 'ws', op: 'put', inFlight: [1, 16, 64, 256] },
  'put-sdk': { path: 'sdk', op: 'put', inFlight: [64] },
  'get-http': { path: 'http', op: 'get', inFlight: [1, 64] },
  'local-http': { path: 'http', op: 'local', inFlight: [1, 64] },
  'get-ws': { path: 'ws', op: 'get', inFlight: [64, 256] },
  'local-ws': { path: 'ws', op: 'local', inFlight: [64, 256] },
  'publish-http': { path: 'http', op: 'publish', inFlight: [64] },
  'publish-ws': { path: 'ws', op: 'publish', inFlight: [64, 256] },
  'publish-sdk': { path: 'sdk', op: 'publish', inFlight: [64] },
  'publish-batch': { path: 'http', op: 'publish-batch', inFlight: [16] },
}
/** Of these `growth` and `soak` take minutes, and are run when asked for. */
const suites = [...Object.keys(loads), 'startup', 'memory', 'failover', 'feeds', 'growth', 'soak']
const whenAsked = ['soak', 'growth']
const systems = ['viewstamp', 'etcd', 'zookeeper']

export class UsageError extends Error {}

export function parseOptions(argv) {
  const { values } = parse(argv)
  if (values.help) return { help: true }
  const quick = values.quick ?? false
  const profile = values['cpu-prof']
  const asked =
    list(values.only, suites, '--only') ?? suites.filter(name => !whenAsked.includes(name))
  // A node that was killed writes no profile.
  const only = asked.filter(name => profile === undefined || name !== 'failover')
  const soakSecs = count(values.soak, '--soak') ?? (values.only && only.includes('soak') ? 60 : 0)
  if (!['primary', 'all'].includes(values.to)) throw new UsageError('--to is primary or all')
  return {
    quick,
    only,
    soakSecs,
    growMiB: count(values.grow, '--grow') ?? (only.includes('growth') ? 2048 : 0),
    secs: count(values.secs, '--secs') ?? (quick ? 1 : 3),
    rounds: count(values.rounds, '--rounds') ?? (quick || profile !== undefined ? 1 : 3),
    kills: count(values.kills, '--kills') ?? (quick ? 1 : 5),
    size: count(values.nodes, '--nodes') ?? 3,
    basePort: count(values['base-port'], '--base-port'),
    to: values.to,
    dir: values.dir,
    json: values.json,
    echo: values.echo,
    profile,
    peers: values.peers,
    systems: list(values.systems, systems, '--systems') ?? systems,
    inFlight: inFlight(values['in-flight'], quick),
  }
}

/** What a plan's list of calls in flight becomes. */
function inFlight(text, quick) {
  const asked = text?.split(',').map(level => count(level, '--in-flight'))
  return planned => {
    if (asked !== undefined) return asked
    return quick && planned.length > 1 ? planned.filter(level => level !== 16) : planned
  }
}

function parse(argv) {
  const text = { type: 'string' }
  const flag = { type: 'boolean', default: false }
  const options = {
    help: { ...flag, short: 'h' },
    ...{ quick: flag, json: flag, echo: flag },
    ...{
      secs: text,
      rounds: text,
      'in-flight': text,
      kills: text,
      only: text,
      soak: text,
      nodes: text,
      grow: text,
    },
    ...{ dir: text, 'base-port': text, 'cpu-prof': text, peers: text, systems: text },
    to: { ...text, default: 'primary' },
  }
  try {
    return parseArgs({ args: argv, options, strict: true })
  } catch (error) {
    throw new UsageError(error.message)
  }
}

function count(text, name) {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`${name} needs a number above 0, not ${text}`)
  return value
}

function list(text, known, name) {
  const wanted = text?.split(',')
  const unknown = wanted?.find(word => !known.includes(word))
  if (unknown !== undefined)
    throw new UsageError(`${name}: no ${unknown}; choose of ${known.join(', ')}`)
  return wanted
}
