// An outbox: an order and the news of it are one commit, and a relay hands the news to somebody else.
//   node docs/examples/outbox.mjs http://127.0.0.1:7401
// There is no order without its news and no news without its order. The relay keeps its position in the cluster, so
// another one goes on where it died; what it handed over and had not noted is handed over again: the receiver tells
// by the offset.
import { connect } from 'viewstamp/client'

async function order(client, id, amount) {
  await client.kv.txn({
    compare: [{ key: `orders/${id}`, target: 'exists', op: '=', value: false }],
    then: [
      { op: 'put', key: `orders/${id}`, value: { amount } },
      { op: 'publish', feed: 'orders', value: { id, amount }, key: id },
    ],
  })
}

/** Until `count` have been handed over, or it dies: after handing over, before its position is noted. */
async function relay(client, deliver, { until, diesAt }) {
  const { kv } = await client.kv.get('relay/position')
  for await (const { offset, value } of client.feed.subscribe('orders', { from: kv?.value ?? 0 })) {
    deliver(offset, value)
    if (offset === diesAt) return
    await client.kv.put('relay/position', offset + 1)
    if (offset + 1 === until) return
  }
}

const client = connect(process.argv.slice(2), { timeoutMs: 30_000 })
const received = new Map()
let deliveries = 0
function deliver(offset, value) {
  deliveries++
  received.set(offset, value)
}

for (let i = 0; i < 10; i++) await order(client, `o${i}`, i)
await order(client, 'o3', 99)
await relay(client, deliver, { diesAt: 4 })
console.log('the first relay died, having handed over', received.size)
await relay(client, deliver, { until: 10 })
console.log('handed over', deliveries, 'times,', received.size, 'orders')
console.log([...received.values()].map(({ id, amount }) => `${id}=${amount}`).join(' '))
await client.close()
