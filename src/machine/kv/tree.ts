/** sorted-btree is a CommonJS module: its class is the member `default` of what Node imports. */
import sorted from 'sorted-btree'

const BTree = sorted.default

/** A sorted map whose clone costs O(1): nodes are shared until one side changes them. */
export type Tree<K, V> = InstanceType<typeof BTree<K, V>>

export function makeTree<K, V>(compare: (a: K, b: K) => number): Tree<K, V> {
  return new BTree<K, V>(undefined, compare)
}
