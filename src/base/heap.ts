/** A binary min-heap. Ties are broken by order of insertion, so that a simulation repeats. */
export class Heap<T> {
  readonly #items: { readonly at: number; readonly order: number; readonly item: T }[] = []
  #order = 0

  get size(): number {
    return this.#items.length
  }

  push(at: number, item: T): void {
    const items = this.#items
    const node = { at, order: this.#order++, item }
    let i = items.push(node) - 1
    while (i > 0) {
      const up = (i - 1) >> 1
      const parent = items[up] as typeof node
      if (parent.at < at || (parent.at === at && parent.order < node.order)) break
      items[i] = parent
      i = up
    }
    items[i] = node
  }

  peek(): { readonly at: number; readonly item: T } | undefined {
    return this.#items[0]
  }

  pop(): { readonly at: number; readonly item: T } | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (top === undefined || last === undefined || items.length === 0) return top
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= items.length) break
      const right = items[child + 1]
      let least = items[child] as typeof last
      if (right && (right.at < least.at || (right.at === least.at && right.order < least.order))) {
        child++
        least = right
      }
      if (last.at < least.at || (last.at === least.at && last.order < least.order)) break
      items[i] = least
      i = child
    }
    items[i] = last
    return top
  }
}
