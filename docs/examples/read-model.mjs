// A view of one's own, kept up to date: how much each customer has ordered, in this process's memory.
//   node docs/examples/read-model.mjs http://127.0.0.1:7401
// First the position, then what is there, then every change from the position on. What was seen twice is told
// by its rev. Nothing is missed, through fail-overs too: the watch resumes behind the last change it gave.
import { connect } from 'viewstamp/client'

class Orders {
  #orders = new Map()

  /** What is older than what is known is known already; a deletion leaves its rev behind. */
  apply({ key, rev, value }) {
    if ((this.#orders.get(key)?.rev ?? 0) < rev) this.#orders.set(key, { rev, value })
  }

  get byCustomer() {
    const sums = {}
    for (const { value } of this.#orders.values()) {
      if (value !== undefined) sums[value.customer] = (sums[value.customer] ?? 0) + value.amount
    }
    return sums
  }
}

async function follow(client, model, signal) {
  const { next } = await client.call('kv.poll', { prefix: 'order/' })
  for await (const order of client.kv.range({ prefix: 'order/' })) model.apply(order)
  for await (const { changes } of client.kv.watch({ prefix: 'order/', from: next, signal })) {
    for (const change of changes) model.apply(change)
    if (changes.some(({ key }) => key === 'order/last')) return
  }
}

const client = connect(process.argv.slice(2), { timeoutMs: 30_000 })
for (let i = 0; i < 20; i++) {
  await client.kv.put(`order/${i}`, { customer: i % 2 ? 'ann' : 'bob', amount: 10 })
}
const model = new Orders()
const following = follow(client, model)
for (let i = 20; i < 40; i++) {
  await client.kv.put(`order/${i}`, { customer: i % 2 ? 'ann' : 'bob', amount: 10 })
}
await client.kv.del('order/0')
await client.kv.put('order/last', { customer: 'cid', amount: 1 })
await following
console.log(JSON.stringify(model.byCustomer))
await client.close()
