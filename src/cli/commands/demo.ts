/** demo: a cluster of real daemons on this machine, told about as it lives and dies. */
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { quote } from '../../base/shell.ts'
import { loadConfig } from '../../daemon/config.ts'
import { splitListen } from '../../daemon/config-check.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { Daemons, type Seat } from '../daemons.ts'
import { EXIT } from '../exit-code.ts'
import type { Given } from '../given.ts'
import { createCluster } from '../new-cluster.ts'
import { ownName } from '../own-name.ts'
import { renderTable } from '../table.ts'
import { UsageError } from '../usage-error.ts'

export const demo: Run = async (context, _args, given) => {
  const stopped = signalled()
  const keep = given.flag('keep') === true
  const asked = given.text('dir')
  const dir =
    asked === undefined ? await mkdtemp(join(tmpdir(), 'viewstamp-demo-')) : resolve(asked)
  const remove = async (): Promise<void> => {
    if (!keep) await removeNodes(dir, asked === undefined)
  }
  const isNew = (await configsIn(dir)).length === 0
  let seats: readonly Seat[]
  try {
    seats = await takeSeats(dir, keep, given)
    await refuseBusyPorts(seats)
  } catch (error) {
    // Nothing has run: what was made just now is of no use, and would be in the way next time.
    if (isNew) await removeNodes(dir, asked === undefined)
    throw error
  }
  const program = resolve(process.argv[1] ?? 'bin/viewstamp')
  const typed = ownName(program, process.cwd(), process.env['PATH'] ?? '')
  const daemons = new Daemons(context, seats, { program, typed, flags: chaosFlags(given) })
  process.once('exit', () => daemons.killAll())
  context.note(
    `starting ${seats.length} daemons, data in ${dir}${keep ? '' : ' (removed at the end)'}`,
  )
  const up = await Promise.race([daemons.start(), stopped])
  if (up === 'up') {
    await welcome(context, daemons, typed, given.flag('chaos') ?? seats.every(seat => seat.chaos))
    // Also when all have been killed: the data must be there for those who start them again.
    await stopped
  }
  const failed = up === 'failed'
  const elsewhere = await daemons.stop()
  if (elsewhere.length === 0) await remove()
  else context.note(`${elsewhere.join(', ')} runs on in another terminal; ${dir} is left in place`)
  if (keep)
    context.note(`data kept in ${dir}: ${typed} demo --dir ${quote(dir)} --keep goes on with it`)
  return failed ? EXIT.other : EXIT.ok
}

function signalled(): Promise<'signal'> {
  return new Promise(done => {
    process.on('SIGINT', () => done('signal'))
    process.on('SIGTERM', () => done('signal'))
    // The terminal was closed.
    process.on('SIGHUP', () => done('signal'))
  })
}

/** The nodes of an existing cluster with --keep, else those of a new one. */
async function takeSeats(dir: string, keep: boolean, given: Given): Promise<readonly Seat[]> {
  const found = await configsIn(dir)
  if (found.length > 0 && !keep) {
    throw new UsageError(`${dir} holds a cluster already; add --keep to go on with it`)
  }
  if (found.length === 0) {
    await createCluster({
      dir,
      nodes: given.integer('nodes') ?? 3,
      basePort: given.integer('basePort') ?? 7400,
      clusterId: 'demo',
      shards: given.integer('shards', 1) ?? 1,
      // To try and to break: decision 0011.
      chaos: given.flag('chaos') !== false,
    })
  }
  return (await configsIn(dir)).map(config => {
    const { node, rpc, p2p, chaos } = loadConfig({ file: config })
    const ports = [...p2p.listen.map(portOf), splitListen(rpc.listen).port]
    return { name: node.name, config, rpc: `http://${rpc.listen}`, ports, chaos }
  })
}

/** What was said goes for a cluster that exists already, too. */
function chaosFlags(given: Given): readonly string[] {
  const chaos = given.flag('chaos')
  return chaos === undefined ? [] : ['--set', `chaos=${chaos}`]
}

async function configsIn(dir: string): Promise<readonly string[]> {
  const names = await readdir(dir).catch(() => [])
  return names
    .filter(name => /^n\d+$/.test(name) && existsSync(join(dir, name, 'config.yaml')))
    .sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)))
    .map(name => join(dir, name, 'config.yaml'))
}

function portOf(address: string): number {
  return Number(/\/tcp\/(\d+)/.exec(address)?.[1] ?? 0)
}

async function refuseBusyPorts(seats: readonly Seat[]): Promise<void> {
  for (const port of seats.flatMap(seat => seat.ports)) {
    if (port !== 0 && !(await isFree(port))) {
      throw new UsageError(
        `port ${port} is in use, perhaps by another demo; stop that one, or give --base-port ${nextBase(port)}`,
      )
    }
  }
}

function nextBase(port: number): number {
  return Math.min(60_000, Math.floor(port / 100) * 100 + 100)
}

function isFree(port: number): Promise<boolean> {
  return new Promise(done => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      server.close(() => done(true)),
    )
  })
}

/** Only what a demo makes is removed: n1 … nN, and the directory if we made it. */
async function removeNodes(dir: string, ours: boolean): Promise<void> {
  if (ours) return rm(dir, { recursive: true, force: true })
  for (const config of await configsIn(dir)) {
    await rm(resolve(config, '..'), { recursive: true, force: true })
  }
}

async function welcome(
  context: Context,
  daemons: Daemons,
  typed: string,
  chaos: boolean,
): Promise<void> {
  const { terminal } = context
  const nodes = daemons.running()
  const primary = await daemons.primary()
  const [first, second] = [nodes[0], nodes[1] ?? nodes[0]]
  if (first === undefined || second === undefined) return
  const victim = nodes.find(node => node.name === primary) ?? first
  const table = renderTable(
    {
      titles: ['NODE', 'PID>', 'RPC', ''],
      rows: nodes.map(({ name, pid, rpc }) => [
        terminal.node(name),
        String(pid),
        rpc,
        name === primary ? terminal.style('★ primary', 'bold', 'yellow') : '',
      ]),
    },
    terminal.columns,
    text => terminal.style(text, 'dim'),
  )
  const option = first.rpc === 'http://127.0.0.1:7401' ? '' : ` -e ${first.rpc}`
  const call = `{"jsonrpc":"2.0","id":1,"method":"kv.apply","params":["x+=2; y=x*4"]}`
  const lines = [
    '',
    table,
    '',
    'Try, in another terminal:',
    `  ${typed} put x 1${option}`,
    `  ${typed} get x -e ${second.rpc}`,
    `  curl -s ${second.rpc}/rpc -H 'content-type: application/json' -d '${call}'`,
    `  ${typed} log read --as both${option}`,
    `  ${typed} watch --cluster${option}`,
    ...(chaos ? [`  ${typed} chaos partition primary --for 10s${option}`] : []),
    `  kill -9 ${victim.pid}    # ${victim.name}${victim.name === primary ? ', the primary' : ''}: another takes over, nothing is lost`,
    '',
    'Ctrl-C stops all.',
    '',
  ]
  terminal.data(`${lines.join('\n')}\n`)
}
