/** The machines that every node has, besides those of its user. */
import { FeedMachine } from './feed/feed-machine.ts'
import { KvMachine } from './kv/kv.ts'
import type { Machine } from './machine.ts'

/** `owns`: whether the feed of that name is of this shard. */
export const builtIn = (owns: (feed: string) => boolean = () => true): readonly Machine[] => [
  new KvMachine(),
  new FeedMachine({ owns }),
]
