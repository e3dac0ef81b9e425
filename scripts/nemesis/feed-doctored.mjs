/** Good histories made bad: each must be called so, or the judge says nothing by calling one good. */

const replaced = (facts, old, fresh) => facts.map(fact => (fact === old ? fresh : fact))

/** Of each kind what is wrong with it → the history with one such thing in it. */
export const DOCTORED = {
  'a subscriber misses a page': facts => {
    const pages = facts.filter(({ type, kind }) => type === 'page' && kind === 'stream')
    const missed = pages.find(page => {
      const own = pages.filter(
        ({ client, partition }) => client === page.client && partition === page.partition,
      )
      return page.records.length > 0 && page !== own.at(-1)
    })
    return facts.filter(fact => fact !== missed)
  },
  'a node has other bytes': facts => {
    const page = facts.findLast(({ kind, records }) => kind === 'whole' && records.length > 0)
    const [first, ...others] = page.records
    return replaced(facts, page, { ...page, records: [{ ...first, bytes: 'other' }, ...others] })
  },
  'an acknowledged record is nowhere': facts => {
    const page = facts.find(({ kind }) => kind === 'whole')
    const { partition, next: offset } = page
    const lost = { type: 'publish', client: 'p', id: 'lost', status: 'ok', partition, offset }
    return [...facts, { ...lost, called: 0, returned: 1 }]
  },
  'a record is in the feed twice': facts => {
    const page = facts.findLast(({ kind, records }) => kind === 'whole' && records.length > 1)
    const [first, second, ...others] = page.records
    const twice = { ...second, id: first.id }
    return replaced(facts, page, { ...page, records: [first, twice, ...others] })
  },
  'two records have changed places': facts => {
    const published = facts.filter(({ type, status }) => type === 'publish' && status === 'ok')
    const [one] = published
    const other = published.findLast(({ partition }) => partition === one.partition)
    const swapped = replaced(facts, one, { ...one, offset: other.offset })
    return replaced(swapped, other, { ...other, offset: one.offset })
  },
  'a read has not heard of the last record': facts => {
    const read = facts.findLast(({ type, end }) => type === 'page' && end > 0)
    return replaced(facts, read, { ...read, called: 1e12, returned: 1e12, end: read.end - 1 })
  },
  'a cursor goes back': facts => {
    const commit = facts.findLast(({ type, status }) => type === 'commit' && status === 'ok')
    return [...facts, { ...commit, type: 'found', offset: 0, called: 1e12, returned: 1e12 }]
  },
  'what was acknowledged is delivered again': facts => {
    const ack = facts.find(({ type, status }) => type === 'ack' && status === 'ok')
    const again = { ...ack, type: 'lease', attempt: ack.attempt + 1 }
    return [...facts, { ...again, called: 1e12, returned: 1e12 }]
  },
  'a record is never delivered': facts => {
    const ack = facts.find(({ type, status }) => type === 'ack' && status === 'ok')
    const isAbout = ({ type, partition, offset }) =>
      ['lease', 'ack', 'nack'].includes(type) &&
      partition === ack.partition &&
      offset === ack.offset
    return facts.filter(fact => !isAbout(fact))
  },
}
