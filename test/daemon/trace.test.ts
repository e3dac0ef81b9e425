/** A trace over real daemons and shards: by HTTP header, by flag, shown by the command line. */
import { afterEach, expect, test } from 'vitest'
import { cli, Daemons, rpc } from './processes.ts'

let daemons: Daemons

afterEach(() => daemons.destroy())

test('a traceparent, and what came of it on other nodes', async () => {
  daemons = await Daemons.init(3, '--shards', '3')
  await daemons.startAll()
  await daemons.untilWritable()
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const response = await fetch(`${daemons.url(0)}/rpc`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"kv.put","params":{"key":"order","value":7}}',
  })
  const { result: first } = (await response.json()) as {
    result: { lamport: number; header: { shard: string } }
  }
  const cause = `${first.header.shard}@${first.lamport}`
  const record = { feed: 'orders', value: { paid: true }, key: 'order' }
  const meta = { correlationId: traceId, causationId: cause, lamport: first.lamport }
  const second = await rpc(daemons.url(1), 'feed.publish', { ...record, meta })
  expect(second.lamport).toBeGreaterThan(first.lamport)
  const put = ['put', 'bill', '7', '--correlation-id', traceId, '-e', daemons.url(2)]
  expect(cli(put)).toMatchObject({ code: 0 })

  const found = await rpc(daemons.url(2), 'trace.get', { correlationId: traceId })
  const effect = `${second.header.shard}@${second.lamport}`
  expect(found.events.map(({ method }: { method: string }) => method).sort()).toEqual([
    'feed.publish',
    'kv.put',
    'kv.put',
  ])
  expect(found.edges).toContainEqual({ from: cause, to: effect, why: 'cause' })
  const [begin] = found.events
  expect(begin).toMatchObject({ id: cause, causationId: '00f067aa0ba902b7', keys: ['order'] })
  const tree = cli(['trace', traceId, '-o', 'table', '-e', daemons.url(1)])
  expect(tree.code).toBe(0)
  expect(tree.stdout).toMatch(new RegExp(`kv.put order .* ${cause} `))
  expect(tree.stdout).toMatch(new RegExp(`└─ feed.publish orders/0/0 .* ${effect} `))
  expect(cli(['trace', traceId, '-o', 'mermaid', '-e', daemons.url(1)]).stdout).toContain(' --> ')
})
