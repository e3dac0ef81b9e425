/** Where the cluster answers: as given, and as learnt. Calls stay with the one that works. */

const ENDPOINTS_MAX = 64

export class Endpoints {
  #list: readonly string[]
  /** Index of the one that answered last. */
  #at = 0

  constructor(endpoints: readonly string[]) {
    this.#list = [...new Set(endpoints)]
  }

  get list(): readonly string[] {
    return this.#list
  }

  get current(): string {
    return this.#list[this.#at] ?? ''
  }

  /** The current one, then those behind it, round and round. */
  ahead(steps: number): string {
    return this.#list[(this.#at + steps) % this.#list.length] ?? ''
  }

  /** It failed: the next one is current, unless another call has moved on already. */
  moveFrom(endpoint: string): void {
    if (endpoint === this.current) this.#at = (this.#at + 1) % this.#list.length
  }

  learn(endpoints: readonly string[]): void {
    this.#list = [...new Set([...this.#list, ...endpoints])].slice(0, ENDPOINTS_MAX)
  }
}

/** `host:port`, `http://host:port/` and `http://host:port/rpc` are the same endpoint. */
export function normalEndpoint(text: string): string {
  const url = /^https?:\/\//.test(text) ? text : `http://${text}`
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined)
    throw new TypeError(`'${text}' is no endpoint such as http://127.0.0.1:7401`)
  return parsed.origin
}
