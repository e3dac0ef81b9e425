// A ledger and its audit feed: every transfer changes two balances and appends a record, in one commit.
//   node docs/examples/ledger.mjs http://127.0.0.1:7401
// So the feed has every transfer that happened and none that did not, in the order in which they happened.
import { connect } from 'viewstamp/client'

/** False: there is not enough. */
async function transfer(client, from, to, amount) {
  for (;;) {
    const { kvs } = await client.kv.getMany([from, to])
    const [source, target] = [from, to].map(key => kvs.find(kv => kv.key === key))
    if (source.value < amount) return false
    const { succeeded } = await client.kv.txn({
      compare: [source, target].map(({ key, rev }) => ({
        key,
        target: 'rev',
        op: '=',
        value: rev,
      })),
      then: [
        { op: 'put', key: from, value: source.value - amount },
        { op: 'put', key: to, value: target.value + amount },
        { op: 'publish', feed: 'audit', value: { from, to, amount } },
      ],
    })
    if (succeeded) return true
  }
}

const client = connect(process.argv.slice(2), { timeoutMs: 30_000 })
const names = ['ann', 'bob', 'cid'].map(name => `ledger/${name}`)
await client.feed.create('audit')
for (const name of names) await client.kv.put(name, 50)

const asked = Array.from({ length: 30 }, (_, i) =>
  transfer(client, names[i % 3], names[(i + 1 + (i % 2)) % 3], 1 + (i % 40)),
)
const done = (await Promise.all(asked)).filter(Boolean).length

const balances = Object.fromEntries(names.map(name => [name, 50]))
let entries = 0
for await (const { value } of client.feed.read('audit')) {
  balances[value.from] -= value.amount
  balances[value.to] += value.amount
  entries++
}
const { kvs } = await client.kv.getMany(names)
console.log('every transfer that was made is in the audit:', entries === done)
console.log(
  'the audit gives the balances:',
  kvs.every(({ key, value }) => balances[key] === value),
)
await client.close()
