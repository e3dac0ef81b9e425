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
  const url = urlOf(text)
  if (url !== undefined) return url.origin
  throw new TypeError(`'${text}' is no endpoint such as http://127.0.0.1:7401`)
}

export const isEndpoint = (text: string): boolean => urlOf(text) !== undefined

/** `ws://…` would be read as a host named ws, and `7401` as an address. */
function urlOf(text: string): URL | undefined {
  const isWhole = /^https?:\/\//i.test(text)
  const url = isWhole ? text : `http://${text}`
  const isOther = !isWhole && (text.includes('//') || /^\d+$/.test(text))
  return !isOther && URL.canParse(url) ? new URL(url) : undefined
}
