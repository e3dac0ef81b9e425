/** Consumer groups of a cluster: cursors, queues, dead letters. */
import { expect, test } from 'vitest'
import { cluster, feeds, publish, read, start, stopAfterEach, valuesOf } from './feed-cluster.ts'

stopAfterEach()

const groups = (node: string) => feeds(node).groups

test('a cursor is the same at every node, and outlives a fail-over', async () => {
  await start(3)
  for (let i = 0; i < 10; i++) await publish('n1', 'f', i)
  await groups('n2').create('f', 'g', { from: 'first' }, {})
  await groups('n3').write('f', { op: 'group.commit', group: 'g', offsets: { 0: 7 } }, {})
  await cluster.stop('n1')
  const { result } = await groups('n2').info('f', 'g', {})
  expect(result).toMatchObject({ offsets: { 0: 7 }, lag: 3 })
  expect((await groups('n2').seek('f', 'g', 'last', {})).result).toMatchObject({
    ...{ offsets: { 0: 9 }, lag: 1 },
  })
  const { timeMs } = JSON.parse((await read('n2', 'f')).records[5] ?? '') as { timeMs: number }
  const sought = (await groups('n3').seek('f', 'g', { timeMs }, {})).result as {
    offsets: Record<string, number>
  }
  const texts = (await read('n2', 'f')).records
  expect(sought.offsets['0']).toBe(texts.findIndex(text => JSON.parse(text).timeMs >= timeMs))
})

test('a queue: members of several nodes share the records, what is not acknowledged comes back', async () => {
  await start(3)
  for (let i = 0; i < 20; i++) await publish('n1', 'jobs', i)
  await groups('n1').create('jobs', 'g', { mode: 'queue', ackWaitMs: 1500 }, {})
  const done = new Set<number>()
  const lost = await groups('n3').fetch('jobs', 'g', { member: 'dies', limit: 5, waitMs: 0 }, {})
  expect(lost.records).toHaveLength(5)
  const work = async (node: string, member: string): Promise<void> => {
    while (done.size < 20) {
      const options = { member, limit: 3, waitMs: 1000 }
      const { records } = await groups(node).fetch('jobs', 'g', options, {})
      const got = records.map(text => JSON.parse(text) as { value: number; delivery: string })
      if (got.length === 0) continue
      const deliveries = got.map(each => each.delivery)
      const ack = { op: 'group.ack', group: 'g', member, deliveries }
      const isLate = (error: { errorName?: string }) => error.errorName === 'NOT_OWNER'
      const answer = await groups(node)
        .write('jobs', ack, {})
        .catch(error => (isLate(error) ? undefined : Promise.reject(error)))
      // On a busy machine a lease may end first: then the records come again.
      if (answer === undefined) continue
      for (const { value } of got) {
        expect(done.has(value)).toBe(false)
        done.add(value)
      }
    }
  }
  await Promise.all([work('n1', 'a'), work('n2', 'b'), work('n3', 'c')])
  expect((await groups('n1').info('jobs', 'g', {})).result).toMatchObject({ lag: 0, pending: 0 })
})

test('a fetch waits for the first record', async () => {
  await start(3)
  await feeds('n1').create('f', {}, {})
  await groups('n1').create('f', 'g', { mode: 'queue' }, {})
  const options = { member: 'm', limit: 5, waitMs: 30_000 }
  const waiting = groups('n2').fetch('f', 'g', options, {})
  await publish('n3', 'f', 1)
  expect(valuesOf((await waiting).records)).toEqual([1])
})

/** Delivered once to `m`, and given back. */
async function refuseOne(feed: string): Promise<void> {
  const options = { member: 'm', limit: 5, waitMs: 1000 }
  const { records } = await groups('n1').fetch(feed, 'g', options, {})
  const deliveries = records.map(text => String(JSON.parse(text).delivery))
  await groups('n1').nack(feed, 'g', { member: 'm', deliveries, reason: 'bad' }, {})
}

test('dead letters of several feeds do not take each other’s place', async () => {
  await start(1)
  const given = { mode: 'queue', maxDeliver: 1, deadLetter: 'dead' } as const
  for (const [value, feed] of ['orders', 'payments'].entries()) {
    await publish('n1', feed, value)
    await groups('n1').create(feed, 'g', given, {})
    await refuseOne(feed)
  }
  expect(valuesOf((await read('n1', 'dead')).records)).toEqual([0, 1])
  await feeds('n1').write('orders', { op: 'delete', feed: 'orders' }, {})
  await publish('n1', 'orders', 2)
  await groups('n1').create('orders', 'g', given, {})
  await refuseOne('orders')
  expect(valuesOf((await read('n1', 'dead')).records)).toEqual([0, 1, 2])
})

test('what the dead-letter feed does not take stays with the group, and holds nobody up', async () => {
  await start(1)
  await feeds('n1').create('dead', { compact: 'key' }, {})
  const given = { mode: 'queue', maxDeliver: 1, deadLetter: 'dead' } as const
  await publish('n1', 'f', 0)
  await groups('n1').create('f', 'g', given, {})
  await refuseOne('f')
  await publish('n1', 'f', 1)
  const { records } = await groups('n1').fetch('f', 'g', { member: 'm', limit: 5, waitMs: 0 }, {})
  expect(valuesOf(records)).toEqual([1])
  expect((await groups('n1').info('f', 'g', {})).result).toMatchObject({ pending: 2 })
  await groups('n1').fetch('f', 'g', { member: 'm', limit: 5, waitMs: 0 }, {})
  expect(cluster.warnings).toEqual([
    expect.stringMatching(/dead does not take f\/0 0: .*every record needs a key; they stay/),
  ])
})

test('records far apart are delivered together', async () => {
  await start(1)
  await publish('n1', 'f', 0)
  const given = { mode: 'queue' } as const
  await groups('n1').create('f', 'g', given, {})
  await refuseOne('f')
  for (let i = 0; i < 2; i++) {
    const records = Array.from({ length: 6_000 }, (_, j) => ({ feed: 'f', value: 6_000 * i + j }))
    await feeds('n1').publishBatch(records, {})
  }
  const options = { member: 'n', limit: 5_000, waitMs: 0 }
  const taken = await groups('n1').fetch('f', 'g', { ...options, limit: 1 }, {})
  expect(valuesOf(taken.records)).toEqual([0])
  for (let left = 12_000; left > 0; ) {
    const { records } = await groups('n1').fetch('f', 'g', { ...options, limit: 4_000 }, {})
    left -= records.length
    const deliveries = records.map(text => String(JSON.parse(text).delivery))
    if (left > 0)
      await groups('n1').write('f', { op: 'group.ack', group: 'g', member: 'n', deliveries }, {})
  }
  await groups('n1').write(
    'f',
    {
      op: 'group.nack',
      group: 'g',
      member: 'n',
      deliveries: [JSON.parse(taken.records[0] ?? '').delivery],
    },
    {},
  )
  await publish('n1', 'f', -1)
  const { records } = await groups('n1').fetch('f', 'g', options, {})
  expect(valuesOf(records)).toEqual([0, -1])
})

test('delivered too often, a record goes to the dead-letter feed, with reason and origin', async () => {
  await start(3)
  await publish('n1', 'f', 7, { key: 'k', headers: { a: 'b' }, source: 's' })
  const given = { mode: 'queue', maxDeliver: 2, deadLetter: 'dead' } as const
  await groups('n1').create('f', 'g', given, {})
  for (const reason of ['first', 'second']) {
    const options = { member: 'm', limit: 5, waitMs: 1000 }
    const { records } = await groups('n2').fetch('f', 'g', options, {})
    const deliveries = records.map(text => String(JSON.parse(text).delivery))
    await groups('n3').nack('f', 'g', { member: 'm', deliveries, reason }, {})
  }
  const { records } = await read('n1', 'dead')
  expect(records.map(text => JSON.parse(text))).toMatchObject([
    {
      ...{ value: 7, key: 'k', headers: { a: 'b' }, source: 's', reason: 'second' },
      origin: { feed: 'f', group: 'g', partition: 0, offset: 0, attempts: 2 },
    },
  ])
  expect((await groups('n1').info('f', 'g', {})).result).toMatchObject({ lag: 0, pending: 0 })
})
