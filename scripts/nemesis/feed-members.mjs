/** Workers of a cursor group, and members of a queue, some of whom die with work in their hands. */
import { FEED } from './feed-load.mjs'
import { sleep } from './system.mjs'

export const ACK_WAIT_MS = 2000
/** A primary that was stopped may take its clock from before; and this process is late at times. */
const SLACK_MS = 1000
export const QUEUE = { type: 'queue', group: 'queue', ackWaitMs: ACK_WAIT_MS, slackMs: SLACK_MS }

/** One worker of a partition after the other: each begins where the group is, and dies after a few commits. */
export async function workers(world, group, partition) {
  const name = String(partition)
  const note = (type, offset, status, about) =>
    world.facts.push({ type, client: `w${name}`, group, partition, offset, status, ...about })
  while (!world.isDone) {
    const { result, about } = await world.ask('group.offsets', { feed: FEED, group })
    if (!result) continue
    let offset = result.offsets[name]
    note('found', offset, 'ok', about)
    for (let turn = world.draw(8); turn >= 0 && !world.isDone; turn--) {
      const params = { feed: FEED, partition, from: offset, limit: 40, waitMs: 300 }
      const read = await world.ask('feed.read', params)
      if (!read.result || read.result.records.length === 0) continue
      const { records, next, last } = read.result
      const page = { partition, from: offset, records, next, end: last + 1, about: read.about }
      world.page(`w${name}`, 'look', page)
      const done = await world.ask('group.commit', { feed: FEED, group, offsets: { [name]: next } })
      const status = done.error === undefined ? 'ok' : done.outcome === 'none' ? 'fail' : 'info'
      note('commit', next, status, done.about)
      // It cannot know where the group is now: the next worker asks.
      if (done.error) break
      offset = next
    }
  }
}

export async function member(world, client) {
  const { group } = QUEUE
  while (!world.isDone) {
    const asked = { feed: FEED, group, member: client, limit: 1 + world.draw(100), waitMs: 300 }
    const { result, about } = await world.ask('group.fetch', asked)
    if (!result) continue
    const leases = result.records.map(({ partition, offset, attempt, delivery }) => {
      world.facts.push({
        ...{ type: 'lease', client, group, partition, offset, attempt, status: 'ok' },
        ...about,
      })
      return { partition, offset, attempt, delivery }
    })
    const draw = world.draw(100)
    // Some are too slow for their lease, some die with it, some cannot do it.
    if (draw < 2) await sleep(ACK_WAIT_MS + SLACK_MS)
    if (draw >= 2 && draw < 7) continue
    if (leases.length > 0) await say(world, client, draw < 15 ? 'nack' : 'ack', leases)
  }
}

/** What is refused is left out, and the rest said again. */
async function say(world, client, type, leases) {
  const deliveries = leases.map(({ delivery }) => delivery)
  const params = { feed: FEED, group: QUEUE.group, member: client, deliveries }
  const { error, outcome, about } = await world.ask(`group.${type}`, params)
  const note = (those, status) => {
    for (const { partition, offset, attempt } of those) {
      const place = { group: QUEUE.group, partition, offset, attempt, status }
      world.facts.push({ type, client, ...place, ...about })
    }
  }
  if (error === undefined) note(leases, 'ok')
  else if (error.errorName === 'NOT_OWNER') {
    const lost = new Set(error.data.deliveries)
    note(
      leases.filter(({ delivery }) => lost.has(delivery)),
      'fail',
    )
    const rest = leases.filter(({ delivery }) => !lost.has(delivery))
    if (rest.length > 0 && rest.length < leases.length) await say(world, client, type, rest)
  } else if (outcome === 'unknown') note(leases, 'info')
}
