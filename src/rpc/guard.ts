/**
 * A localhost port can be reached by any web page the user has open, under any name that resolves to it.
 * So Host must be this machine by number or by a known name, Origin this server or listed, and calls must
 * have a content type that a page cannot send unasked. Contract, "Safety of a localhost port".
 */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { type ErrorName, ViewstampError } from '../base/errors.ts'
import type { Tokens } from './tokens.ts'

export interface Refusal {
  readonly status: number
  readonly error: ViewstampError
  readonly headers?: Readonly<Record<string, string>>
}

export interface GuardOptions {
  readonly allowedHosts: readonly string[]
  readonly allowedOrigins: readonly string[]
  readonly tokens: Tokens | undefined
}

/** Whether the user followed a link, which may come from anywhere, or a program asks. */
export type Asking = 'navigation' | 'program'

export class Guard {
  readonly #hosts: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>
  readonly #tokens: Tokens | undefined
  /** The last Host that was found good: nearly always the next one too. */
  #goodHost: string | undefined

  constructor(options: GuardOptions) {
    this.#hosts = new Set(['localhost', ...options.allowedHosts.map(host => host.toLowerCase())])
    this.#origins = new Set(options.allowedOrigins.map(origin => origin.toLowerCase()))
    this.#tokens = options.tokens
  }

  /** Undefined: it may come in. */
  check(headers: IncomingHttpHeaders, asking: Asking): Refusal | undefined {
    const host = headers.host ?? ''
    if (host !== this.#goodHost) {
      if (!this.#isKnownHost(host)) return wrongHost(host)
      this.#goodHost = host
    }
    if (asking === 'navigation') return undefined
    const origin = headers.origin?.toLowerCase()
    const listed = origin !== undefined && this.#origins.has(origin)
    if (listed) return undefined
    if (origin !== undefined && !isSameOrigin(origin, host)) return wrongOrigin(origin)
    const site = headers['sec-fetch-site']
    if (site === undefined || site === 'same-origin' || site === 'none') return undefined
    return wrongOrigin(`a page (Sec-Fetch-Site: ${String(site).slice(0, 20)})`)
  }

  checkToken(headers: IncomingHttpHeaders): Refusal | undefined {
    if (this.#tokens === undefined || this.#tokens.admits(headers.authorization)) return undefined
    const sentence = 'this node asks for a token: send the header Authorization: Bearer <token>'
    const refused = refusal(401, 'UNAUTHENTICATED', sentence)
    return { ...refused, headers: { 'www-authenticate': 'Bearer' } }
  }

  /** For a connection that stays: whether the token that it came with still counts. */
  stays(headers: IncomingHttpHeaders): () => boolean {
    const tokens = this.#tokens
    if (tokens === undefined) return () => true
    const { authorization } = headers
    let list = tokens.list
    let counts = true
    return () => {
      if (tokens.list === list) return counts
      list = tokens.list
      counts = tokens.admits(authorization)
      return counts
    }
  }

  #isKnownHost(host: string): boolean {
    const name = hostName(host)
    return isIP(name) !== 0 || this.#hosts.has(name) || this.#hosts.has(host.toLowerCase())
  }
}

/** Undefined: it is JSON. */
export function checkContentType(type: string | undefined): Refusal | undefined {
  if (type === 'application/json') return undefined
  const media = type?.split(';', 1)[0]?.trim().toLowerCase()
  if (media === 'application/json' || media === 'application/json-rpc') return undefined
  return refusal(415, 'INVALID_REQUEST', 'send JSON-RPC with content-type: application/json')
}

export function refusal(
  status: number,
  name: ErrorName,
  sentence: string,
  limit?: number,
): Refusal {
  const details = limit === undefined ? {} : { limit }
  return { status, error: new ViewstampError(name, sentence, details) }
}

/** Without port, and an IPv6 address without its brackets. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(host)
  if (bracketed !== null) return bracketed[1] ?? ''
  return host.replace(/:\d+$/, '').toLowerCase()
}

/** A page that this server served: Host has been checked, so its name is not a stranger's. */
function isSameOrigin(origin: string, host: string): boolean {
  const name = host.toLowerCase()
  return origin === `http://${name}` || origin === `https://${name}`
}

function wrongHost(host: string): Refusal {
  const sentence = `the host ${JSON.stringify(host.slice(0, 100))} is not known here: use an IP address or localhost, or list it in rpc.allowedHosts`
  return refusal(403, 'FORBIDDEN', sentence)
}

function wrongOrigin(origin: string): Refusal {
  const sentence = `calls from ${origin.slice(0, 100)} are not allowed: list the origin in rpc.allowedOrigins`
  return refusal(403, 'FORBIDDEN', sentence)
}
