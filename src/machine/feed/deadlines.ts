/** What has something to do at some log time, in order of time, then name. */
import { compareKeys } from '../kv/key.ts'
import { makeTree, type Tree } from '../kv/tree.ts'

interface Deadline {
  readonly atMs: number
  readonly name: string
}

const compare = (a: Deadline, b: Deadline): number => a.atMs - b.atMs || compareKeys(a.name, b.name)

export class Deadlines {
  readonly #tree: Tree<Deadline, undefined> = makeTree(compare)
  readonly #at = new Map<string, number>()

  /** `undefined`: it has nothing to do. */
  set(name: string, atMs: number | undefined): void {
    const before = this.#at.get(name)
    if (before === atMs) return
    if (before !== undefined) this.#tree.delete({ atMs: before, name })
    if (atMs === undefined) {
      this.#at.delete(name)
    } else {
      this.#at.set(name, atMs)
      this.#tree.set({ atMs, name }, undefined)
    }
  }

  get next(): number | undefined {
    return this.#tree.minKey()?.atMs
  }

  /** Names whose time has come; each says when it is due again, or is due still. */
  due(timeMs: number): string[] {
    const names: string[] = []
    for (const { atMs, name } of this.#tree.keys()) {
      if (atMs > timeMs) break
      names.push(name)
    }
    return names
  }

  clear(): void {
    this.#tree.clear()
    this.#at.clear()
  }
}
