// A read model that can be thrown away: it is what the feed says, from offset 0.
//   node docs/examples/rebuild.mjs http://127.0.0.1:7401
// It follows live; then another one is made from nothing, in bulk, and must be the same at the same offset.
import { connect } from 'viewstamp/client'

class Stock {
  #items = new Map()
  /** Of the last record that is in it. */
  offset = -1

  apply({ offset, value: { item, count } }) {
    this.#items.set(item, (this.#items.get(item) ?? 0) + count)
    this.offset = offset
  }

  toString() {
    return [...this.#items]
      .sort()
      .map(([item, count]) => `${item}:${count}`)
      .join(' ')
  }
}

const client = connect(process.argv.slice(2), { timeoutMs: 30_000 })
await client.feed.create('stock')

const live = new Stock()
const following = (async () => {
  for await (const record of client.feed.subscribe('stock', { from: 0 })) {
    live.apply(record)
    if (record.offset === 199) return
  }
})()
for (let i = 0; i < 200; i++) {
  await client.feed.publish('stock', { item: ['nuts', 'bolts'][i % 2], count: i % 3 ? 5 : -2 })
}
await following

const rebuilt = new Stock()
for await (const record of client.feed.read('stock', { from: 0, page: 50 })) rebuilt.apply(record)

console.log('live:   ', String(live), 'at offset', live.offset)
console.log('rebuilt:', String(rebuilt), 'at offset', rebuilt.offset)
await client.close()
