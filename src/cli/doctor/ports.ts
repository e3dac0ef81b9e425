/** The ports of a configuration: free while the daemon is down, its own while it is up. */
import { createServer } from 'node:net'
import type { Context } from '../context.ts'
import type { Finding } from './finding.ts'
import { codeOf, fail, ok } from './finding.ts'

export interface Listen {
  readonly name: string
  readonly rpc: string
  /** Multiaddresses. */
  readonly p2p: readonly string[]
}

export async function checkPorts(context: Context, listen: Listen): Promise<readonly Finding[]> {
  const running = await nodeAt(context, `http://${listen.rpc}`)
  if (running === listen.name) return [ok('ports', `${listen.name} is running on ${listen.rpc}`)]
  const places = [listen.rpc, ...listen.p2p.flatMap(placeOf)]
  return Promise.all(places.map(place => tryPort(place, running)))
}

/** The name of the node that answers there. */
async function nodeAt(context: Context, endpoint: string): Promise<string | undefined> {
  const answer = context.client([endpoint]).call('system.version', {}, { timeoutMs: 1_000 })
  return answer.then(
    ({ node }) => String(node),
    () => undefined,
  )
}

/** /ip4/127.0.0.1/tcp/7400 → 127.0.0.1:7400 */
export function placeOf(address: string): readonly string[] {
  const [, kind, host, port] = /^\/(ip4|ip6)\/([^/]+)\/tcp\/(\d+)$/.exec(address) ?? []
  if (host === undefined || port === undefined || port === '0') return []
  return [kind === 'ip6' ? `[${host}]:${port}` : `${host}:${port}`]
}

async function tryPort(place: string, running: string | undefined): Promise<Finding> {
  const colon = place.lastIndexOf(':')
  const host = place.slice(0, colon).replace(/^\[|\]$/g, '')
  const problem = await bind(host, Number(place.slice(colon + 1)))
  if (problem === undefined) return ok('port', `${place} is free`)
  if (problem !== 'EADDRINUSE') {
    return fail(
      'port',
      `${place} cannot be listened on (${problem})`,
      'use an address of this machine',
    )
  }
  const who = running === undefined ? 'another program' : `${running}, another node`
  return fail('port', `${place} is in use by ${who}`, 'stop it, or configure another port')
}

function bind(host: string, port: number): Promise<string | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', error => resolve(codeOf(error)))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
