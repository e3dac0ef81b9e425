/**
 * What an operation changed of feeds, for the log of state changes:
 *
 *   orders               its configuration; without a value: the feed is gone
 *   orders/0             where partition 0 begins and ends, told when records went: by retention, truncate, or
 *                        because a deleted key of a compacted feed was shown for long enough
 *   orders/group/billing what the group is, and below which offset of each partition everything is done
 *
 * Records (`orders/0/12`) are not among them: who reads the log finds them in the feed (node/log-records.ts).
 */
import type { JsonObject } from '../../base/json.ts'
import type { Change } from '../machine.ts'
import { shownConfig } from './config.ts'
import type { Feed } from './feed.ts'
import type { Group } from './group.ts'
import { configOfGroup } from './groups.ts'
import type { Partition } from './partition.ts'

const of = (rev: number, key: string, value?: JsonObject): Change =>
  value === undefined ? { rev, machine: 'feed', key } : { rev, machine: 'feed', key, value }

export const feedChange = (rev: number, { name, config }: Feed): Change =>
  of(rev, name, shownConfig(config))

export const feedGone = (rev: number, { name }: Feed): Change => of(rev, name)

export const recordsWent = (rev: number, { feed, number, first, next }: Partition): Change =>
  of(rev, `${feed}/${number}`, { first, next })

export function groupChange(rev: number, feed: Feed, group: Group): Change {
  const done = group.done(feed.partitions.length)
  const offsets = Object.fromEntries(done.map((offset, number) => [String(number), offset]))
  return of(rev, groupKey(feed, group), { ...configOfGroup(group), offsets })
}

export const groupGone = (rev: number, feed: Feed, group: Group): Change =>
  of(rev, groupKey(feed, group))

const groupKey = (feed: Feed, group: Group): string => `${feed.name}/group/${group.name}`
