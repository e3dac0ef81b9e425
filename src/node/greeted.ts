/**
 * At a restart: the other members that were heard. Whoever knows that our data is old says so at the hello, and
 * is to have the chance before we vote with those who do not know (docs/storage.md).
 */
export class Greeted {
  /** Not heard yet. */
  readonly #left: Set<string>
  #done: (() => void) | undefined

  /** Members besides this one. */
  constructor(members: readonly string[]) {
    this.#left = new Set(members)
  }

  note(peer: string): void {
    this.#left.delete(peer)
    if (this.#left.size === 0) this.#done?.()
  }

  /** Resolves when all were heard, or the time is over. */
  async all(withinMs: number): Promise<void> {
    if (this.#left.size === 0) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, withinMs)
      this.#done = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
