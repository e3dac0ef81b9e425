// Counts to a thousand, many increments at a time, while anything may happen to the nodes.
//   node docs/examples/exactly-once.mjs http://127.0.0.1:7401 http://127.0.0.1:7411 http://127.0.0.1:7421
// Each increment is numbered in the client's session: sent again through another node it is not executed again.
import { connect } from 'viewstamp/client'

const client = connect(process.argv.slice(2), { timeoutMs: 30_000 })
const key = `count-${process.pid}`
let started = 0

async function count() {
  while (started < 1_000) {
    if (++started === 500) console.log('half')
    await client.kv.incr(key)
  }
}

await Promise.all(Array.from({ length: 16 }, count))
const { kv } = await client.kv.get(key)
console.log(kv.value)
await client.close()
