/** doctor: what keeps, or will keep, a node from doing well, each with the next step. */
import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ConfigError, loadConfig } from '../../daemon/config.ts'
import { ask, discover, rpcEndpoint } from '../cluster-nodes.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { checkCluster, type Place } from '../doctor/cluster.ts'
import { checkDisk } from '../doctor/disk.ts'
import type { Finding } from '../doctor/finding.ts'
import { fail, ok } from '../doctor/finding.ts'
import { checkMachine } from '../doctor/machine.ts'
import { checkPorts } from '../doctor/ports.ts'
import { EXIT } from '../exit-code.ts'
import type { Given } from '../given.ts'
import type { Style } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { printable } from '../value.ts'

const STYLES: Readonly<Record<Finding['state'], Style>> = {
  ok: 'green',
  warn: 'yellow',
  fail: 'red',
}

export const doctor: Run = async (context, _args, given) => {
  const findings = [...(await checkMachine())]
  const places: Place[] = []
  for (const file of await configsOf(given)) {
    const { found, members } = await checkConfig(context, file)
    findings.push(...found)
    for (const place of members) {
      if (!places.some(each => each.endpoint === place.endpoint)) places.push(place)
    }
  }
  if (places.length === 0) places.push(...(await membersAt(context)))
  findings.push(...(await checkCluster(context, places)))
  const isWell = findings.every(({ state }) => state !== 'fail')
  context.output.print({
    whole: { ok: isWell, findings: findings.map(each => ({ ...each })) },
    items: findings.map(each => ({ ...each })),
    people: () => findings.map(each => lineOf(context, each)).join('\n'),
  })
  return isWell ? EXIT.ok : EXIT.other
}

function lineOf(context: Context, { state, check, detail, next }: Finding): string {
  const word = context.terminal.style(state.padEnd(4), STYLES[state])
  const line = `${word}  ${check.padEnd(14)}  ${printable(detail)}`
  return next === undefined ? line : `${line}\n${' '.repeat(22)}→ ${printable(next)}`
}

/** One file, that of a data directory, or those of all nodes that `init` made. None is fine too. */
async function configsOf(given: Given): Promise<readonly string[]> {
  const file = given.text('config')
  if (file !== undefined) return [resolve(file)]
  const text = given.text('dir')
  if (text === undefined) return []
  const dir = resolve(text)
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${dir} cannot be read (${error.code})`)
  })
  const files = ['', ...names.sort()].map(name => join(dir, name, 'config.yaml'))
  const there = await Promise.all(files.map(isFile))
  const found = files.filter((_, i) => there[i])
  if (found.length > 0) return found
  throw new UsageError(`${dir} holds no config.yaml, and no directory in it does: see --config`)
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    found => found.isFile(),
    () => false,
  )

async function checkConfig(
  context: Context,
  file: string,
): Promise<{ readonly found: readonly Finding[]; readonly members: readonly Place[] }> {
  try {
    const config = loadConfig({ file })
    const { name, dataDir } = config.node
    const { listen } = config.p2p
    const members = config.cluster.members.flatMap(member => {
      const own = member.name === name ? `http://${config.rpc.listen}` : undefined
      const endpoint = own ?? member.addresses.map(rpcEndpoint).find(each => each !== undefined)
      return endpoint === undefined ? [] : [{ name: member.name, endpoint }]
    })
    const found = [
      ok('configuration', file),
      ...(await checkPorts(context, { name, rpc: config.rpc.listen, p2p: listen })),
      ...(await checkDisk(dataDir, config.storage.minFree)),
    ]
    return { found, members }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { found: [fail('configuration', error.message, `correct ${file}`)], members: [] }
  }
}

/** Those that a running node names; else the endpoints that were given. */
async function membersAt(context: Context): Promise<readonly Place[]> {
  const unknown = context.endpoints.map(endpoint => ({ name: undefined, endpoint }))
  const nodes = await discover(context).catch(() => unknown)
  const reports = await ask(context, nodes)
  return reports.map(({ name, endpoint }) => ({ name, endpoint }))
}
