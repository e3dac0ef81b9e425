/**
 * Whoever reads a feed, at whichever replica, gets what is committed there: every record from where it begins to where
 * it goes on, byte for byte as it was published, none that is gone, none left out; or a refusal that says so. Chunks on
 * disk included: at the end of a run every disk of the core gives the whole of every feed. docs/feeds.md, 1, 7 and 8.
 */
import { isObject, type JsonObject } from '../../base/json.ts'
import { coldOn } from '../disk.ts'
import type { Ledger } from '../feed/ledger.ts'
import { isOfFeeds, LACKS } from '../feed/query.ts'
import { FeedService } from '../feed/service.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

const NAME = 'feed-reads'

export function feedReads(world: World, ledger: Ledger): Check {
  const judge = (host: HostView, question: string, answer: string): JsonObject | undefined => {
    const query = JSON.parse(question) as JsonObject
    if (query['op'] !== 'read') return undefined
    const wrong = wrongAnswer(ledger, host, query, answer)
    if (wrong === undefined) return JSON.parse(answer) as JsonObject
    const op = host.replica?.commitNumber ?? 0
    throw new Violation(NAME, `r${host.number} behind op ${op}, asked ${question}: ${wrong}`)
  }
  return {
    name: NAME,
    read(host: HostView, key: string, value: string) {
      if (isOfFeeds(key)) judge(host, key, value)
    },
    atEnd() {
      for (const host of world.hosts.filter(({ number }) => world.core.includes(number))) {
        readAll(ledger, host, (question, answer) => judge(host, question, answer))
      }
    },
  }
}

function readAll(
  ledger: Ledger,
  host: HostView,
  judge: (question: string, answer: string) => JsonObject | undefined,
): void {
  const service = host.replica?.service
  if (!(service instanceof FeedService)) return
  for (const feed of ledger.feeds.keys()) {
    service.boundsOf(feed)?.forEach(({ first, next }, partition) => {
      for (let from = first; from < next; ) {
        const question = JSON.stringify({ op: 'read', feed, partition, from })
        const answer = service.read(question, id => coldOn(host.image, service, id)) ?? ''
        from = Number(judge(question, answer)?.['next'] ?? next)
      }
    })
  }
}

function wrongAnswer(
  ledger: Ledger,
  { replica, image }: HostView,
  query: JsonObject,
  text: string,
): string | undefined {
  // A damaged chunk is given to nobody; the disk is the matter of others.
  if (text.startsWith(LACKS)) return image.damaged ? undefined : `nothing, it lacks ${text}`
  const answer = JSON.parse(text) as JsonObject
  const op = replica?.commitNumber ?? 0
  const feed = ledger.feeds.get(String(query['feed']))
  const bound = boundAt(replica?.service, query)
  const isThere = feed !== undefined && feed.op <= op
  const refused = isObject(answer['e']) ? String(answer['e']['name']) : undefined
  if (!isThere || bound === undefined) {
    return refused === 'FEED_NOT_FOUND' ? undefined : `an answer, of a feed that is not there`
  }
  const from = Number(query['from'])
  const isBelow = from < bound.first
  if (isBelow !== (refused === 'OFFSET_OUT_OF_RANGE')) {
    return `${refused ?? 'an answer'}, where the partition begins at ${bound.first}`
  }
  if (refused !== undefined) return isBelow ? undefined : refused
  const to = Number(answer['next'])
  if (to < from || (to === from && from < bound.next)) return `to go on at ${to}`
  const { first } = bound
  const expected = ledger.seenAt(feed, Number(query['partition']), { op, first, from, to })
  const records = (answer['records'] as readonly string[] | undefined) ?? []
  const at = expected.findIndex((each, i) => each.text !== records[i])
  if (at >= 0) return `${records[at] ?? 'nothing'}, where ${expected[at]?.text} is committed`
  return records.length > expected.length ? `${records[expected.length]} besides` : undefined
}

function boundAt(service: unknown, { feed, partition }: JsonObject) {
  if (!(service instanceof FeedService)) return undefined
  return service.boundsOf(String(feed))?.[Number(partition)]
}
