/**
 * At a restart: the other members that were heard. Whoever knows that our data is old says so at the hello, and
 * is to have the chance before we vote with those who do not know (docs/storage.md).
 */
export class Greeted {
  readonly #count: number
  readonly #heard = new Set<string>()
  #done: (() => void) | undefined

  /** `count`: members besides this one. */
  constructor(count: number) {
    this.#count = count
  }

  note(peer: string): void {
    this.#heard.add(peer)
    if (this.#heard.size >= this.#count) this.#done?.()
  }

  /** Resolves when all were heard, or the time is over. */
  async all(withinMs: number): Promise<void> {
    if (this.#heard.size >= this.#count) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, withinMs)
      this.#done = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
