/**
 * Commands about the groups of a feed, `op` with `group.` before it:
 *
 *   create  group mode? ackWaitMs? maxDeliver? deadLetter? offsets  → {group, config, offsets, lag}
 *   delete  group                                                   → {group, deleted}
 *   commit  group offsets       seek  group offsets                 → {offsets, lag}
 *   fetch   group member limit                                      → {deliveries, exhausted}
 *   ack     group member deliveries                                 → {acked}
 *   nack    group member deliveries delayMs? reason?                → {nacked, exhausted}
 *   bury    group places                                            → {buried}
 */
import type { Json, JsonObject } from '../../base/json.ts'
import { compareKeys } from '../kv/key.ts'
import type { ApplyContext, Change } from '../machine.ts'
import { Rejected } from '../machine.ts'
import { integerOf, invalid, isJsonObject, listOf, objectOf } from '../member.ts'
import { groupChange, groupGone } from './change.ts'
import type { Feed } from './feed.ts'
import { Group, type GroupConfig } from './group.ts'
import {
  ACK_WAIT_MS,
  DEDUPE_MS_MAX,
  GROUPS_MAX,
  ID_BYTES_MAX,
  MAX_DELIVER_MAX,
  PENDING_MAX,
} from './limits.ts'
import { feedName, isFeedName } from './name.ts'

export function groupCommand(
  feed: Feed,
  op: string,
  given: JsonObject,
  context: ApplyContext,
  changes: Change[],
): Json {
  const { rev } = context
  const name = nameOf(given['group'])
  if (op === 'create') {
    const group = create(feed, name, given)
    changes.push(groupChange(rev, feed, group))
    return shownGroup(feed, group)
  }
  const group = groupOf(feed, name)
  const result = change(feed, group, op, given, context)
  if (op === 'delete') feed.removeGroup(name)
  else feed.markGroup(group)
  if (op === 'delete') changes.push(groupGone(rev, feed, group))
  else if (MOVING.has(op)) changes.push(groupChange(rev, feed, group))
  return result
}

/** Who leases records, or gives them back, has done nothing with them yet. */
const MOVING: ReadonlySet<string> = new Set(['commit', 'seek', 'ack', 'bury'])

function change(
  feed: Feed,
  group: Group,
  op: string,
  given: JsonObject,
  context: ApplyContext,
): Json {
  const { timeMs } = context
  switch (op) {
    case 'delete':
      return { group: group.name, deleted: true }
    case 'commit':
    case 'seek':
      return move(feed, group, op, given)
    case 'fetch':
      return fetch(feed, queue(group), given, context)
    case 'ack': {
      const owned = queue(group).owned(listOf(given, 'deliveries'), memberOf(given), timeMs)
      group.acknowledge(owned)
      return { acked: owned.length }
    }
    case 'nack': {
      const owned = queue(group).owned(listOf(given, 'deliveries'), memberOf(given), timeMs)
      const delayMs = integerOf(given, 'delayMs', { min: 0, max: DEDUPE_MS_MAX }) ?? 0
      const { reason = 'given back' } = given
      if (typeof reason !== 'string') throw invalid('reason', 'reason must be a string')
      group.giveBack(owned, timeMs + delayMs, reason.slice(0, 1000).toWellFormed())
      return { nacked: owned.length, exhausted: group.exhausted(timeMs) }
    }
    case 'bury': {
      const places = listOf(given, 'places').map(each => objectOf(each, 'places'))
      const buried = places.filter(({ partition, offset }) => {
        return group.bury(Number(partition), Number(offset), timeMs)
      })
      return { buried: buried.length }
    }
    default:
      throw invalid('op', `group.${op} is no operation`)
  }
}

function create(feed: Feed, name: string, given: JsonObject): Group {
  if (feed.groups.has(name)) {
    throw new Rejected('GROUP_EXISTS', `${feed.name} has a group ${name} already`, { group: name })
  }
  const group = newGroup(feed, name, given)
  setOffsets(feed, group, given['offsets'] ?? {})
  feed.markGroup(group)
  return group
}

/** At the first of each partition, and no part of the state yet. */
export function newGroup(feed: Feed, name: string, given: JsonObject): Group {
  if (feed.groups.size >= GROUPS_MAX) {
    const message = `${feed.name} has ${GROUPS_MAX} groups, its limit: delete one`
    throw new Rejected('TOO_LARGE', message, { limit: GROUPS_MAX, path: 'group' })
  }
  const offsets = feed.partitions.map(({ first }) => first)
  return new Group(nameOf(name), configOf(feed, name, given), offsets)
}

function configOf(feed: Feed, name: string, given: JsonObject): GroupConfig {
  const { mode = 'cursor', deadLetter } = given
  if (mode !== 'cursor' && mode !== 'queue') throw invalid('mode', 'mode must be cursor or queue')
  const bounds = { min: 1, max: DEDUPE_MS_MAX }
  const ackWaitMs = integerOf(given, 'ackWaitMs', bounds) ?? ACK_WAIT_MS
  const deliver = integerOf(given, 'maxDeliver', { min: 0, max: MAX_DELIVER_MAX })
  const maxDeliver = deliver ?? (deadLetter === undefined ? 0 : 5)
  const dead =
    deadLetter === undefined ? `${feed.name}.${name}.dead` : feedName(deadLetter, 'deadLetter')
  if (maxDeliver > 0 && (!isFeedName(dead) || dead === feed.name)) {
    throw invalid('deadLetter', 'deadLetter must be the name of another feed')
  }
  return { mode, ackWaitMs, maxDeliver, deadLetter: dead }
}

/** A cursor is where the group goes on; of a queue what was delivered is forgotten with a seek. */
function move(feed: Feed, group: Group, op: 'commit' | 'seek', given: JsonObject): Json {
  if (op === 'commit' && group.config.mode === 'queue') {
    throw invalid('group', `${group.name} is a queue: acknowledge deliveries instead of committing`)
  }
  setOffsets(feed, group, given['offsets'])
  return shownOffsets(feed, group)
}

function setOffsets(feed: Feed, group: Group, given: Json | undefined): void {
  if (!isJsonObject(given)) throw invalid('offsets', 'offsets must be as in {"0":12}')
  const moves = Object.entries(given).map(([name, offset]) => {
    const partition = feed.partitions[Number(name)]
    if (!/^\d+$/.test(name) || partition === undefined) {
      throw invalid(`offsets.${name}`, `${feed.name} has no partition ${name}`)
    }
    const { first, next } = partition
    if (
      typeof offset !== 'number' ||
      !Number.isSafeInteger(offset) ||
      offset < 0 ||
      offset > next
    ) {
      const message = `${feed.name} partition ${name} ends at ${next}: offsets.${name} must be up to that`
      throw new Rejected('OFFSET_OUT_OF_RANGE', message, { first, next, partition: Number(name) })
    }
    return [Number(name), offset] as const
  })
  for (const [partition, offset] of moves) group.seek(partition, offset)
}

function fetch(feed: Feed, group: Group, given: JsonObject, { timeMs, rev }: ApplyContext): Json {
  const limit = integerOf(given, 'limit', { min: 1, max: PENDING_MAX }) ?? 10
  const deliveries = group.lease(feed.partitions, {
    ...{ member: memberOf(given), limit, timeMs, rev },
  })
  return { deliveries, exhausted: group.exhausted(timeMs) }
}

function queue(group: Group): Group {
  if (group.config.mode === 'queue') return group
  const message = `${group.name} is a cursor: read the feed from its offsets and commit, or make a group with mode queue`
  throw invalid('group', message)
}

export function groupOf(feed: Feed, given: Json | undefined): Group {
  const name = nameOf(given)
  const group = feed.groups.get(name)
  if (group) return group
  const message = `${feed.name} has no group ${name}: group.create makes one`
  throw new Rejected('GROUP_NOT_FOUND', message, { feed: feed.name, group: name })
}

function nameOf(given: Json | undefined): string {
  if (isFeedName(given)) return given
  throw invalid('group', 'group must be a name, as that of a feed')
}

function memberOf(given: JsonObject): string {
  const { member } = given
  if (typeof member === 'string' && member !== '' && member.length <= ID_BYTES_MAX) return member
  throw invalid('member', `member must be a string of 1 to ${ID_BYTES_MAX} characters`)
}

export function shownOffsets(feed: Feed, group: Group): JsonObject {
  const offsets = group.done(feed.partitions.length).map((done, i) => [String(i), done])
  return { offsets: Object.fromEntries(offsets), lag: group.lag(feed.partitions) }
}

/** As group.create takes it. */
export function configOfGroup({ config }: Group): JsonObject {
  const { mode, ackWaitMs, maxDeliver, deadLetter } = config
  if (mode === 'cursor') return { mode }
  return { mode, ackWaitMs, maxDeliver, ...(maxDeliver > 0 && { deadLetter }) }
}

export function shownGroup(feed: Feed, group: Group): JsonObject {
  const { mode } = group.config
  const pending = mode === 'queue' ? { pending: group.pending } : {}
  return {
    group: group.name,
    config: configOfGroup(group),
    ...shownOffsets(feed, group),
    ...pending,
  }
}

/** In order of name. */
export function groupsOf(feed: Feed): Group[] {
  const names = [...feed.groups.keys()].sort(compareKeys)
  return names.map(name => groupOf(feed, name))
}
