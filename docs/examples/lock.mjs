// A lock that its holder may lose: whoever dies holding it loses it after its time to live.
//   node docs/examples/lock.mjs http://127.0.0.1:7401
// A holder that was paused may believe that it still holds the lock. So what the lock protects must look at the
// token, which grows with each holder: here every write under the lock is a transaction that compares it.
import { connect, ViewstampError } from 'viewstamp/client'

const TTL_MS = 5_000

/** Resolves when the lock is held, with its token. */
async function acquire(client, name, holder) {
  for (;;) {
    try {
      const { rev } = await client.kv.put(name, holder, { ifAbsent: true, ttlMs: TTL_MS })
      return rev
    } catch (error) {
      if (!(error instanceof ViewstampError) || error.name !== 'COMPARE_FAILED') throw error
      await released(client, name, error.data.rev)
    }
  }
}

/** Whatever happens to the key after the rev that was in the way; at the latest when its time is over. */
async function released(client, name, rev) {
  const signal = AbortSignal.timeout(TTL_MS)
  for await (const { changes } of client.kv.watch({ key: name, from: rev + 1, signal })) {
    if (changes.some(({ type }) => type === 'delete')) return
  }
}

/** Holds for another time to live; gives the new token. Throws COMPARE_FAILED when the lock is lost. */
async function renew(client, name, holder, token) {
  const { rev } = await client.kv.put(name, holder, { ifRev: token, ttlMs: TTL_MS })
  return rev
}

/** Writes only as the holder. */
async function writeAs(client, name, token, key, value) {
  const { succeeded } = await client.kv.txn({
    compare: [{ key: name, target: 'rev', op: '=', value: token }],
    then: [{ op: 'put', key, value }],
  })
  return succeeded
}

async function release(client, name, token) {
  await client.kv.cas(name, { rev: token }, undefined)
}

const [a, b] = [connect(process.argv.slice(2)), connect(process.argv.slice(2))]
const first = await acquire(a, 'lock', 'a')
console.log('a holds it')
const second = acquire(b, 'lock', 'b')
const renewed = await renew(a, 'lock', 'a', first)
console.log('with an old token:', await writeAs(a, 'lock', first, 'data', 'from a'))
console.log('with the new one:', await writeAs(a, 'lock', renewed, 'data', 'from a'))
await release(a, 'lock', renewed)
const token = await second
console.log('b holds it, and its token is higher:', token > renewed)
console.log('a writes no more:', await writeAs(a, 'lock', renewed, 'data', 'late'))
await release(b, 'lock', token)
await Promise.all([a.close(), b.close()])
