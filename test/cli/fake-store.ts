/** A «cluster» of one store behind fake daemons: honest, or with one way to be wrong. */
import { type FakeDaemon, HEADER } from './fake-daemon.ts'

type Params = Record<string, unknown>
interface Entry {
  readonly value: unknown
  readonly rev: number
}

export type Wrong =
  /** Every so often a write is acknowledged and not made. */
  | 'loses writes'
  /** Every so often a read gives what was there some writes ago. */
  | 'stale reads'
  /** Sessions are not looked at. */
  | 'executes twice'
  /** Every so often a write is made and said not to be. */
  | 'says none'
  /** Transactions look at one account after the other, and transfers come between. */
  | 'torn transactions'
  /** The state hash is another one at each node, at the same op. */
  | 'diverges'
  /** No call about a key is answered. */
  | 'answers nothing'

const EVERY = 10
/** Writes that are missed: more than can be under way at one key, as a rule. */
const BEHIND = 5

export class FakeStore {
  readonly #wrong: Wrong | undefined
  readonly #entries = new Map<string, Entry>()
  /** The latest last. */
  readonly #before = new Map<string, (Entry | undefined)[]>()
  readonly #answers = new Map<string, unknown>()
  #rev = 0
  #calls = 0
  #sessions = 0

  constructor(daemons: readonly FakeDaemon[], wrong?: Wrong) {
    this.#wrong = wrong
    daemons.forEach((daemon, i) => {
      this.#serve(daemon, `n${i + 1}`, daemons)
    })
  }

  #serve(daemon: FakeDaemon, name: string, daemons: readonly FakeDaemon[]): void {
    const answer = (method: string, run: (params: Params) => object): void => {
      daemon.answers.set(method, params => this.#respond(params, run))
    }
    const shards = [{ shard: 'main', status: 'normal', view: 0, op: 1, commit: 1, applied: 1 }]
    const peers = daemons.map(({ url }, i) => ({ name: `n${i + 1}`, rpc: url }))
    const hash = this.#wrong === 'diverges' ? `h-${name}` : 'h'
    answer('cluster.status', () => ({ name, role: 'replica', rpc: daemon.url, peers, shards }))
    answer('system.ping', () => ({ pong: true }))
    answer('session.open', () => ({ session: `s${++this.#sessions}`, nextSeq: 1 }))
    answer('kv.hash', () => ({ hash, op: 9 }))
    answer('kv.get', ({ key }) => ({ kv: this.#get(String(key)) }))
    answer('kv.put', params => this.#write(() => this.#put(params)))
    answer('kv.del', params => this.#write(() => this.#del(params)))
    answer('kv.cas', params => this.#write(() => this.#cas(params)))
    answer('kv.incr', params => this.#write(() => this.#incr(params)))
    answer('kv.txn', params => this.#write(() => this.#txn(params)))
  }

  get keys(): readonly string[] {
    return [...this.#entries.keys()]
  }

  #respond(
    params: Params,
    run: (params: Params) => object,
  ): { readonly result: unknown } | { readonly error: unknown } {
    if (this.#wrong === 'answers nothing' && 'key' in params) return failure('TIMEOUT', 'unknown')
    const { session, seq } = (params['meta'] ?? {}) as Params
    const place = `${session} ${seq}`
    const known = seq === undefined ? undefined : this.#answers.get(place)
    if (known !== undefined && this.#wrong !== 'executes twice') return { result: known }
    const result = { ...run(params), header: HEADER }
    if (seq !== undefined) this.#answers.set(place, result)
    const lies = this.#wrong === 'says none' && 'rev' in result && this.#calls % EVERY === 0
    return lies ? failure('NO_QUORUM', 'none') : { result }
  }

  #write(run: () => object): object {
    this.#calls++
    this.#rev++
    return { ...run(), rev: this.#rev }
  }

  #get(key: string): object | null {
    const isStale = this.#wrong === 'stale reads' && ++this.#calls % EVERY === 0
    const old = isStale ? this.#before.get(key)?.at(-BEHIND) : undefined
    const entry = old ?? this.#entries.get(key)
    return entry === undefined ? null : { key, ...entry }
  }

  #set(key: string, value: unknown): void {
    if (this.#wrong === 'loses writes' && this.#calls % EVERY === 0) return
    this.#before.set(key, [...(this.#before.get(key) ?? []), this.#entries.get(key)].slice(-BEHIND))
    if (value === undefined) this.#entries.delete(key)
    else this.#entries.set(key, { value, rev: this.#rev })
  }

  #put({ key, value }: Params): object {
    this.#set(String(key), value)
    return {}
  }

  #del({ key, prefix }: Params): object {
    const gone =
      key === undefined ? this.keys.filter(each => each.startsWith(String(prefix))) : [String(key)]
    const there = gone.filter(each => this.#entries.has(each))
    for (const each of there) this.#set(each, undefined)
    return { deleted: there.length }
  }

  #cas({ key, expect, value }: Params): object {
    const expected = (expect as Params)['value']
    const succeeded = this.#entries.get(String(key))?.value === expected
    if (succeeded) this.#set(String(key), value)
    return { succeeded }
  }

  #incr({ key, by }: Params): object {
    const value = Number(this.#entries.get(String(key))?.value ?? 0) + Number(by)
    this.#set(String(key), value)
    return { value }
  }

  #txn({ compare = [], then = [] }: Params): object {
    const succeeded = (compare as Params[]).every(({ key, target, value }) => {
      const entry = this.#entries.get(String(key))
      return (target === 'rev' ? (entry?.rev ?? 0) : entry?.value) === value
    })
    const steps = succeeded ? (then as Params[]) : []
    const results = steps.map((step, i) => {
      if (step['op'] === 'put') return this.#put(step)
      const isTorn = this.#wrong === 'torn transactions' && i === 0 && this.#calls % EVERY === 0
      const key = String(step['key'])
      const entry = isTorn ? this.#before.get(key)?.at(-1) : this.#entries.get(key)
      return { kv: entry ?? null }
    })
    return { succeeded, results }
  }
}

function failure(name: string, outcome: string) {
  const data = { name, outcome, retryable: true }
  return { error: { code: -32001, message: `${name} it is`, data } }
}
