/**
 * What the clients of a feed were told, judged as that of real daemons is (src/check/feed-judge.ts): nothing that was
 * acknowledged is lost, moved or there twice, nobody sees what was refused, nobody reads less than was known before.
 */
import { present } from '../../base/assert.ts'
import type { JsonObject } from '../../base/json.ts'
import type { FeedFact, FeedPage, FeedPublish } from '../../check/feed-history.ts'
import { explainFeed, judgeFeed } from '../../check/feed-judge.ts'
import { coldOn } from '../disk.ts'
import { commandIn } from '../feed/client.ts'
import { KEPT } from '../feed/draw.ts'
import { recordsIn } from '../feed/ledger.ts'
import { isOfFeeds, LACKS } from '../feed/query.ts'
import { FeedService } from '../feed/service.ts'
import type { Operation } from '../history.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function feedHistory(world: World): Check {
  const name = 'feed-history'
  return {
    name,
    atEnd() {
      const { operations } = world.history
      const facts: FeedFact[] = [
        ...publishesOf(operations),
        ...operations.flatMap(each => pageOf(each) ?? []),
        ...world.hosts
          .filter(({ number }) => world.core.includes(number))
          .flatMap(host => wholesOf(host, world.nowMs)),
      ]
      const { verdict, problems } = judgeFeed(facts)
      if (verdict !== 'bad') return
      throw new Violation(name, problems.map(explainFeed).join('\n'))
    },
  }
}

/** One for each id, however often it was sent. */
function publishesOf(operations: readonly Operation[]): FeedPublish[] {
  const facts = new Map<string, FeedPublish>()
  for (const {
    operation,
    calledMs: called,
    returnedMs,
    result,
    id: number,
    client,
  } of operations) {
    if (!isOfFeeds(operation)) continue
    const command = commandIn(operation)
    const records = recordsIn(command).filter(({ feed }) => feed === KEPT)
    const { r, e } = JSON.parse(result ?? '{}') as { r?: JsonObject; e?: JsonObject }
    recordsIn(command).forEach((record, i) => {
      if (record['feed'] !== KEPT) return
      const told = (command['op'] === 'publish' ? r : (r?.['results'] as JsonObject[])?.[i]) ?? {}
      const place = { partition: Number(told['partition']), offset: Number(told['offset']) }
      const fact: FeedPublish = {
        ...{ type: 'publish', client: `c${client}`, id: String(record['id']), called },
        returned: returnedMs ?? null,
        status: r ? 'ok' : e ? 'fail' : 'info',
        ...(r && place),
        ...(command['op'] === 'publishBatch' && records.length > 1 && { batch: String(number) }),
      }
      const before = facts.get(fact.id)
      facts.set(fact.id, before ? merged(before, fact) : fact)
    })
  }
  return [...facts.values()]
}

/** It is there from the first answer on that says so; what was refused once, may be done by another sending. */
function merged(one: FeedPublish, other: FeedPublish): FeedPublish {
  const ok = [one, other]
    .filter(({ status }) => status === 'ok')
    .sort((a, b) => (a.returned ?? 0) - (b.returned ?? 0))[0]
  const called = Math.min(one.called, other.called)
  if (ok) return { ...ok, called }
  const isOpen = one.status === 'info' || other.status === 'info'
  const { batch: _, ...rest } = one
  return {
    ...rest,
    called,
    status: isOpen ? 'info' : 'fail',
    returned: isOpen ? null : one.returned,
  }
}

function pageOf({ key, client, operation, result, ...at }: Operation): FeedPage | undefined {
  if (!isOfFeeds(key) || result === undefined || result.startsWith(LACKS)) return undefined
  const { op, feed, partition, from } = JSON.parse(key) as JsonObject
  const page = JSON.parse(result) as JsonObject
  if (op !== 'read' || feed !== KEPT || page['records'] === undefined) return undefined
  const isLinearizable = operation.startsWith('get ')
  return {
    ...{ type: 'page', kind: 'look', client: `c${client}` },
    ...{ partition: Number(partition), called: at.calledMs, returned: at.returnedMs ?? null },
    ...seenIn(page, Number(from)),
    ...(isLinearizable && { end: Number(page['last']) + 1 }),
  }
}

function seenIn(page: JsonObject, from: number): Pick<FeedPage, 'from' | 'next' | 'records'> {
  const records = (page['records'] as readonly string[]).map(bytes => {
    const { offset, id } = JSON.parse(bytes) as { readonly offset: number; readonly id: string }
    return { offset, id, bytes }
  })
  // A replica that is behind the reader has nothing for it.
  return { from, next: Number(page['next']), records }
}

function wholesOf(host: HostView, nowMs: number): FeedPage[] {
  const service = host.replica?.service
  if (!(service instanceof FeedService)) return []
  return (service.boundsOf(KEPT) ?? []).flatMap(({ next }, partition) => {
    const pages: FeedPage[] = []
    let from = 0
    while (from < next) {
      const question = JSON.stringify({ op: 'read', feed: KEPT, partition, from })
      const answer = present(
        service.read(question, id => coldOn(host.image, service, id)),
        'read',
      )
      if (answer.startsWith(LACKS)) return []
      const seen = seenIn(JSON.parse(answer) as JsonObject, from)
      const asked = { called: nowMs, returned: nowMs, partition, client: `r${host.number}` }
      pages.push({ type: 'page', kind: 'whole', ...asked, ...seen })
      from = seen.next
    }
    const [first, ...others] = pages
    if (first === undefined) return []
    const records = [...first.records, ...others.flatMap(each => each.records)]
    return [{ ...first, records, next: from }]
  })
}
