/** The client against real daemons that are killed and stopped under it. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connect } from '../../src/client/client.ts'
import type { Client } from '../../src/client/connect.ts'
import { Daemons } from '../daemon/processes.ts'

let daemons: Daemons
let client: Client

beforeAll(async () => {
  daemons = await Daemons.init()
  await daemons.startAll()
  await daemons.untilWritable()
})
afterAll(() => daemons.destroy())
beforeEach(() => {
  // Given one endpoint, it must find the others itself.
  client = connect(daemons.url(0), { timeoutMs: 30_000, discover: true })
})
afterEach(() => client.close())

/** Increments by eight writers, with something done to the daemons once a hundred are answered. */
async function load(key: string, fault: () => Promise<unknown>): Promise<number> {
  let answered = 0
  let broken: unknown
  const writer = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) {
      await client.kv.incr(key)
      if (++answered === 100) broken = fault()
    }
  }
  await Promise.all(Array.from({ length: 8 }, writer))
  await broken
  return Number((await client.kv.get(key)).kv?.value)
}

test('the others are learnt from the one', async () => {
  while (client.endpoints.length < 3) await client.kv.get('x')
  expect([...client.endpoints].sort()).toEqual([0, 1, 2].map(i => daemons.url(i)))
})

test('a killed primary: every write is executed once and answered, and the watch misses none', async () => {
  while (client.endpoints.length < 3) await client.kv.get('x')
  const seen: number[] = []
  const watched = (async () => {
    for await (const { changes } of client.kv.watch({ key: 'killed', from: 'first' })) {
      for (const { value } of changes) seen.push(Number(value))
      if (seen.at(-1) === 400) break
    }
  })()
  const primary = await daemons.primary()
  expect(await load('killed', () => daemons.kill(primary))).toBe(400)
  await watched
  expect(seen).toEqual(Array.from({ length: 400 }, (_, i) => i + 1))
  await daemons.start(primary)
})

test('a daemon that is stopped holds its connection and says nothing: the calls go on elsewhere', async () => {
  while (client.endpoints.length < 3) await client.kv.get('x')
  const { node } = (await client.kv.get('x')).header
  const stopped = Number(node.slice(1)) - 1
  const quick = connect(client.endpoints, { timeoutMs: 6_000 })
  try {
    await quick.kv.put('stopped', 1)
    daemons.signal(stopped, 'SIGSTOP')
    await quick.kv.put('stopped', 2)
    expect((await quick.kv.get('stopped')).kv?.value).toBe(2)
  } finally {
    daemons.signal(stopped, 'SIGCONT')
    await quick.close()
  }
})
