/** What every command is given: a client, a place for data and one for messages. */
import { readFileSync } from 'node:fs'
import { type Client, type ClientOptions, connect } from '../client/client.ts'
import { normalEndpoint } from '../client/endpoints.ts'
import { httpTransport } from '../client/http-transport.ts'
import type { Given } from './given.ts'
import { FORMATS, type Format, Output } from './output.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

export const DEFAULT_ENDPOINT = 'http://127.0.0.1:7401'

export interface Context {
  readonly terminal: Terminal
  readonly output: Output
  /** Throws UsageError for what is none. */
  readonly endpoints: readonly string[]
  /** Undefined: not given; calls take 5 s. */
  readonly timeoutMs: number | undefined
  readonly quiet: boolean
  readonly verbose: boolean
  readonly token: string | undefined
  /** A client of all endpoints, or of those given. */
  client(endpoints?: readonly string[], more?: Pick<ClientOptions, 'attempts' | 'session'>): Client
  /** A sentence on stderr; nothing with -q. */
  note(sentence: string): void
  /** Only with -v. */
  detail(sentence: string): void
}

/** Throws UsageError for options that every command has. `formats`: those of this command, besides the usual. */
export function createContext(
  given: Given,
  terminal: Terminal,
  formats: readonly Format[] = [],
): Context {
  const forms = [...FORMATS, ...formats]
  const format: Format | undefined = given.flag('json') ? 'json' : given.choice('output', forms)
  const endpoints = given.list('endpoint').flatMap(text => text.split(','))
  const timeoutMs = given.duration('timeout')
  const quiet = given.flag('quiet') === true
  const verbose = given.flag('verbose') === true
  const token = readToken(given.text('tokenFile'))
  const correlationId = given.text('correlationId')
  const note = (sentence: string): void => {
    if (!quiet) terminal.message(sentence)
  }
  const detail = (sentence: string): void => {
    if (verbose) terminal.message(terminal.style(sentence, 'dim'))
  }
  const transport = httpTransport()
  const known = endpoints.length === 0 ? [DEFAULT_ENDPOINT] : endpoints
  return {
    terminal,
    output: new Output(format, terminal),
    get endpoints() {
      asUsage(() => known.map(normalEndpoint))
      return known
    },
    timeoutMs,
    quiet,
    verbose,
    token,
    client: (chosen = known, more = {}) => {
      const onRetry = (endpoint: string, error: Error): void => {
        detail(`${endpoint}: ${error.name}: ${error.message}`)
      }
      return asUsage(() =>
        connect(chosen, {
          timeoutMs,
          token,
          correlationId,
          transport,
          // One command, one call: a session would cost the cluster more than the write.
          session: false,
          failFast: true,
          onRetry,
          ...more,
        }),
      )
    },
    note,
    detail,
  }
}

/** What the client says of its arguments is about the command line here. */
function asUsage<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message)
    throw error
  }
}

function readToken(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new UsageError(`--token-file ${file} cannot be read (${code})`)
  }
}
