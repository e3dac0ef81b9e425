/**
 * Offsets of a partition are dense, and in the order of the log; a record goes where it asks to, one with a key where
 * all of its key are; a batch is published as a whole, or refused for a reason. docs/feeds.md, promises 2, 3, 4 and 6.
 */
import type { JsonObject } from '../../base/json.ts'
import { type Asked, type Ledger, publishedIn, recordsIn } from '../feed/ledger.ts'
import { Violation } from './check.ts'
import type { Judge } from './feed-log.ts'

const NAME = 'feed-offsets'

export function feedOffsets(ledger: Ledger): Judge {
  const partitionOf = new Map<string, number>()
  return asked => {
    const { command, result, error, entry } = asked
    const say = (what: string): never => {
      throw new Violation(NAME, `op ${entry.opNumber}: ${what}: ${JSON.stringify(command)}`)
    }
    if (command['op'] === 'create' && result !== undefined) return make(ledger, asked)
    if (command['op'] === 'truncate') return cut(ledger, asked, say)
    // One whose id is remembered is answered by that alone (feed-ids.ts looks whether it is).
    const wrong = publishedIn(asked).find(
      ([record, at]) => at['duplicate'] !== true && refusalOf(ledger, record) !== undefined,
    )
    if (error !== undefined && recordsIn(command).length > 0) {
      const names = recordsIn(command).map(record => refusalOf(ledger, record))
      if (!names.includes(error.name)) say(`${error.name}, for no reason`)
    }
    for (const [record, at] of publishedIn(asked)) {
      if (at['duplicate'] === true) continue
      if (wrong !== undefined) say('published, though a part of it cannot be')
      const [feed, partition] = [String(record['feed']), Number(at['partition'])]
      const next = ledger.part(feed, partition)?.next
      if (at['offset'] !== next) say(`gets offset ${at['offset']} where ${next} is next`)
      if (record['partition'] !== undefined && record['partition'] !== partition)
        say(`goes to partition ${partition}`)
      if (record['key'] !== undefined && record['partition'] === undefined) {
        const key = `${feed} ${record['key']}`
        if ((partitionOf.get(key) ?? partition) !== partition) say('leaves those of its key')
        partitionOf.set(key, partition)
      }
      ledger.add(feed, partition, record, asked)
    }
  }
}

/** What a record by itself is refused for: one with an expectOffset comes alone. */
function refusalOf(ledger: Ledger, record: JsonObject): string | undefined {
  const feed = ledger.feeds.get(String(record['feed']))
  if (feed === undefined) return 'FEED_NOT_FOUND'
  const { partition, expectOffset } = record
  if (partition === undefined) return undefined
  const part = feed.parts[Number(partition)]
  if (part === undefined) return 'INVALID_PARAMS'
  const isWrong = expectOffset !== undefined && expectOffset !== part.next
  return isWrong ? 'WRONG_OFFSET' : undefined
}

function make(ledger: Ledger, { command, entry }: Asked): void {
  const name = String(command['feed'])
  const options = ledger.options.feeds.find(each => each.name === name)
  if (options && !ledger.feeds.has(name)) ledger.make(options, entry.opNumber)
}

function cut(ledger: Ledger, { command, error }: Asked, say: (what: string) => never): void {
  const before = Number(command['beforeOffset'])
  const part = ledger.part(String(command['feed']), Number(command['partition']))
  if (part === undefined) return
  if ((error?.name === 'OFFSET_OUT_OF_RANGE') !== before > part.next) {
    say(`${error?.name ?? 'done'}, where ${part.next} is next`)
  }
  if (error === undefined) part.cutBelow = Math.max(part.cutBelow, before)
}
