// Money between accounts: both change in one transaction, and only if both are as they were read.
//   node docs/examples/transfer.mjs http://127.0.0.1:7401
import { connect } from 'viewstamp/client'

/** False: there is not enough. Meets another transfer: reads again and tries again. */
async function transfer(client, from, to, amount) {
  for (;;) {
    const { kvs } = await client.kv.getMany([from, to])
    const [source, target] = [from, to].map(key => kvs.find(kv => kv.key === key))
    if (source === undefined || source.value < amount) return false
    const { succeeded } = await client.kv.txn({
      compare: [
        { key: from, target: 'rev', op: '=', value: source.rev },
        { key: to, target: 'rev', op: '=', value: target?.rev ?? 0 },
      ],
      then: [
        { op: 'put', key: from, value: source.value - amount },
        { op: 'put', key: to, value: (target?.value ?? 0) + amount },
      ],
    })
    if (succeeded) return true
  }
}

const client = connect(process.argv.slice(2), { timeoutMs: 30_000 })
const names = ['ann', 'bob', 'cid'].map(name => `account/${name}`)
for (const name of names) await client.kv.put(name, 100)
const transfers = Array.from({ length: 60 }, (_, i) =>
  transfer(client, names[i % 3], names[(i + 1 + (i % 2)) % 3], 7),
)
await Promise.all(transfers)
let sum = 0
for await (const { value } of client.kv.range({ prefix: 'account/' })) sum += value
console.log('in all accounts:', sum)
console.log('more than there is:', await transfer(client, names[0], names[1], 1_000))
await client.close()
