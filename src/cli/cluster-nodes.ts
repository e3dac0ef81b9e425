/**
 * Who is in the cluster and how each may be called. A node knows its peers' RPC while they are
 * connected; of others it knows the libp2p address, and RPC is looked for at the port above, which is
 * where `init` and `demo` put it.
 */
import { isObject, type Json, type JsonObject } from '../base/json.ts'
import { normalEndpoint } from '../client/endpoints.ts'
import { ViewstampError } from '../client/error.ts'
import type { Context } from './context.ts'

export interface KnownNode {
  /** Undefined until it has answered or a member list has named it. */
  readonly name: string | undefined
  readonly endpoint: string
}

export interface ShardRow {
  readonly shard: string
  readonly status: string
  readonly view: number
  readonly primary: string | null
  readonly isPrimary: boolean
  readonly op: number
  readonly commit: number
  readonly applied: number
  readonly lag: number
}

/** What one node says of itself, or why it says nothing. */
export interface Report {
  readonly name: string
  readonly endpoint: string
  readonly answer:
    | { readonly ok: true; readonly role: string; readonly shards: readonly ShardRow[] }
    | { readonly ok: false; readonly why: string; readonly unreachable: boolean }
  /** The whole answer of cluster.status. */
  readonly status: JsonObject | undefined
}

const ASK_MS = 2_000

/** The endpoints given, the node that answers at one of them, and the peers it names. */
export async function discover(context: Context): Promise<readonly KnownNode[]> {
  const given = context.endpoints.map(normalEndpoint)
  const self = await context.client().call('cluster.status')
  const nodes = new Map<string, KnownNode>()
  for (const member of [self, ...objects(self['peers'])]) {
    const endpoint = endpointOf(member, given)
    if (endpoint !== undefined) nodes.set(endpoint, { name: String(member['name']), endpoint })
  }
  for (const endpoint of given) {
    const numeric = endpoint.replace('//localhost:', '//127.0.0.1:')
    if (!nodes.has(endpoint) && !nodes.has(numeric)) {
      nodes.set(endpoint, { name: undefined, endpoint })
    }
  }
  return [...nodes.values()].sort((a, b) => compare(a.name ?? a.endpoint, b.name ?? b.endpoint))
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

function endpointOf(member: JsonObject, given: readonly string[]): string | undefined {
  const { rpc } = member
  if (typeof rpc === 'string') return normalEndpoint(rpc)
  const guesses = texts(member['addresses'])
    .map(rpcEndpoint)
    .filter(each => each !== undefined)
  return guesses.find(each => given.includes(each)) ?? guesses[0]
}

/** /ip4/127.0.0.1/tcp/7400 → http://127.0.0.1:7401 */
export function rpcEndpoint(address: string): string | undefined {
  const match = /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d+)/.exec(address)
  if (match === null) return undefined
  const [, host = '', port = ''] = match
  return `http://${host.includes(':') ? `[${host}]` : host}:${Number(port) + 1}`
}

export function ask(context: Context, nodes: readonly KnownNode[]): Promise<readonly Report[]> {
  return Promise.all(nodes.map(node => askOne(context, node)))
}

async function askOne(context: Context, node: KnownNode): Promise<Report> {
  const { endpoint } = node
  const timeoutMs = Math.min(ASK_MS, context.timeoutMs ?? ASK_MS)
  try {
    const status = await context.client([endpoint]).call('cluster.status', {}, { timeoutMs })
    const shards = objects(status['shards']) as unknown as readonly ShardRow[]
    const answer = { ok: true, role: String(status['role']), shards } as const
    return { name: String(status['name']), endpoint, status, answer }
  } catch (error) {
    if (!(error instanceof ViewstampError)) throw error
    const why = error.name === 'UNREACHABLE' ? 'unreachable' : error.name.toLowerCase()
    const answer = { ok: false, why, unreachable: error.name === 'UNREACHABLE' } as const
    return { name: node.name ?? endpoint, endpoint, status: undefined, answer }
  }
}

export function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value.filter(isObject) as JsonObject[]) : []
}

function texts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : []
}

/** A row of cluster.members. */
export const memberOf = (row: JsonObject) => ({
  name: String(row['name']),
  peerId: String(row['peerId']),
  addresses: [row['addresses'] ?? []].flat().map(String),
})
