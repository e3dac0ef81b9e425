// A work queue: jobs are leased to workers; who fails gives its job back, who dies loses it after a while.
//   node docs/examples/work-queue.mjs http://127.0.0.1:7401
// Every job is done at least once: do what may be done twice, or tell by the offset. A job that fails too often goes
// to a feed of its own, with the reason.
import { connect } from 'viewstamp/client'

const JOBS = 20
const TRIES = 3

const client = connect(process.argv.slice(2), { timeoutMs: 30_000 })
const settled = new Set()
const stop = new AbortController()

async function worker(member, work) {
  const how = { member, limit: 2, signal: stop.signal }
  for await (const job of client.group.consume('jobs', 'workers', how)) {
    try {
      work(job.value)
      await job.ack()
    } catch (error) {
      await job.nack({ reason: error.message })
      if (job.attempt < TRIES) continue
    }
    settled.add(job.offset)
    if (settled.size === JOBS) stop.abort()
  }
}

function work({ n }) {
  if (n === 13) throw new Error('no such luck')
}

await client.feed.create('jobs')
await client.feed.create('jobs.dead')
const queue = { mode: 'queue', ackWaitMs: 1_000, maxDeliver: TRIES, deadLetter: 'jobs.dead' }
await client.group.create('jobs', 'workers', queue)
for (let n = 0; n < JOBS; n++) await client.feed.publish('jobs', { n })

const { records } = await client.group.fetch('jobs', 'workers', 'who dies', { limit: 2 })
console.log('leased by one that dies:', records.map(({ value }) => value.n).join(' '))
await Promise.all([worker('ann', work), worker('bob', work)])

for await (const { value, reason } of client.feed.read('jobs.dead')) {
  console.log(`job ${value.n} was given up: ${reason}`)
}
console.log('to be done:', (await client.group.info('jobs', 'workers')).lag)
await client.close()
