/** Rules that no single field can check: values that must fit each other. */
import type { Config } from './config-schema.ts'
import type { MapSource, Source } from './config-source.ts'

/** Adds a sentence to `problems` for each rule that is broken. */
export function crossCheck(config: Config, root: MapSource, problems: string[]): void {
  const complain = (path: string, sentence: string): void => {
    problems.push(`${placeOf(root, path)}: ${sentence}`)
  }
  checkMembers(config, complain)
  checkRpc(config, complain)
  const { heartbeat, viewChangeTimeout } = config.replication
  if (viewChangeTimeout < 3 * heartbeat) {
    complain(
      'replication.viewChangeTimeout',
      'replication.viewChangeTimeout must be at least three heartbeats, or a single late one ends a view',
    )
  }
  const machines = config.stateMachines.map(machine => machine.name)
  for (const name of repeated([...machines, 'kv', 'feed', 'group'])) {
    complain('stateMachines', `stateMachines has the name ${name} twice or a built-in one's`)
  }
}

type Complain = (path: string, sentence: string) => void

function checkMembers(config: Config, complain: Complain): void {
  const { members, standbys, bootstrapExpect } = config.cluster
  checkUnique('cluster.members', members, complain)
  if (standbys.length > 0) checkUnique('cluster.standbys', [...members, ...standbys], complain)
  const { name, role } = config.node
  if (role === 'standby' && !standbys.some(standby => standby.name === name)) {
    const sentence = `node.role is standby, and ${name} is none of the cluster.standbys: list it there, on all nodes of the cluster`
    complain('node.role', sentence)
  }
  if (members.length === 0) return
  if (role === 'replica' && !members.some(member => member.name === name)) {
    const names = members.map(member => member.name).join(', ')
    complain('node.name', `node.name ${name} is none of the cluster.members ${names}`)
  }
  if (bootstrapExpect !== undefined && bootstrapExpect !== members.length) {
    complain(
      'cluster.bootstrapExpect',
      `cluster.bootstrapExpect is ${bootstrapExpect} and cluster.members has ${members.length}; leave one of them out`,
    )
  }
}

function checkUnique(
  path: string,
  nodes: readonly { readonly name: string; readonly peerId: string }[],
  complain: Complain,
): void {
  for (const name of repeated(nodes.map(node => node.name))) {
    complain(path, `${path} has the name ${name} twice`)
  }
  for (const peerId of repeated(nodes.map(node => node.peerId))) {
    complain(path, `${path} has the peer id ${peerId} twice`)
  }
}

function checkRpc(config: Config, complain: Complain): void {
  const { listen, tokensFile, insecureNoAuth } = config.rpc
  const { port, loopback } = splitListen(listen)
  if (port > 65_535) complain('rpc.listen', `rpc.listen has port ${port}; the largest is 65535`)
  if (loopback) return
  if (tokensFile === undefined && !insecureNoAuth) {
    complain(
      'rpc.listen',
      `rpc.listen ${listen} is open to the network; set rpc.tokensFile, or --insecure-no-auth if that is what you want`,
    )
  }
  if (config.chaos) complain('chaos', 'chaos needs an rpc.listen on loopback')
}

/** Host and port of `rpc.listen`, and whether only this machine can reach it. */
export function splitListen(listen: string): {
  readonly host: string
  readonly port: number
  readonly loopback: boolean
} {
  const colon = listen.lastIndexOf(':')
  const host = listen.slice(0, colon).replace(/^\[|\]$/g, '')
  const loopback = host === 'localhost' || host === '::1' || host.startsWith('127.')
  return { host, port: Number(listen.slice(colon + 1)), loopback }
}

function repeated(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))]
}

/** Place of the value at a path, or of the nearest thing above it that was written. */
function placeOf(root: MapSource, path: string): string {
  let source: Source = root
  let where = root.where
  for (const name of path.split('.')) {
    const member: { keyWhere: string; source: Source } | undefined =
      source.type === 'map' ? source.members.get(name) : undefined
    if (member === undefined) return where
    where = member.keyWhere
    source = member.source
  }
  return where
}
