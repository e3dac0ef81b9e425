/** Real processes under a mixed load: killed, paused, all at once; nothing acknowledged is lost. */
import { afterEach, expect, test } from 'vitest'
import { judge, registerLoad } from './load.ts'
import { Daemons, RpcError, rpc, sleep } from './processes.ts'

let daemons: Daemons

afterEach(() => daemons.destroy())

test('kills and pauses of the primary: the history is linearizable', async () => {
  daemons = await Daemons.init()
  await daemons.startAll()
  await daemons.untilWritable()
  const ms = 15_000
  const load = registerLoad(daemons, { clients: 16, keys: 10, ms })
  const end = Date.now() + ms - 3000
  let kills = 0
  let pauses = 0
  while (Date.now() < end) {
    const killed = await daemons.primary()
    if (killed >= 0) {
      await daemons.kill(killed)
      kills++
      await sleep(800)
      await daemons.start(killed)
    }
    await sleep(500)
    const paused = await daemons.primary()
    if (paused >= 0) {
      daemons.signal(paused, 'SIGSTOP')
      pauses++
      await sleep(1500)
      daemons.signal(paused, 'SIGCONT')
    }
    await sleep(500)
  }
  const history = await load
  expect(kills).toBeGreaterThanOrEqual(2)
  expect(pauses).toBeGreaterThanOrEqual(2)
  expect(history.acknowledged).toBeGreaterThan(500)
  await daemons.untilWritable()
  await judge(daemons, history)
  await daemons.agree()
}, 120_000)

test('all killed at once under load: everything acknowledged is there', async () => {
  daemons = await Daemons.init()
  await daemons.startAll()
  await daemons.untilWritable()
  const load = registerLoad(daemons, { clients: 8, keys: 20, ms: 6000 })
  await sleep(2500)
  await Promise.all([0, 1, 2].map(i => daemons.kill(i)))
  await daemons.startAll()
  const history = await load
  await daemons.untilWritable()
  await judge(daemons, history)
  await daemons.agree()
}, 120_000)

test('a write repeated through another node, after its primary died, is executed once', async () => {
  daemons = await Daemons.init()
  await daemons.startAll()
  await daemons.untilWritable()
  for (let round = 0; round < 2; round++) {
    const primary = await daemons.primary()
    const { session } = await rpc(daemons.url(primary), 'session.open', {})
    const params = { key: `once/${round}`, by: 7, meta: { session, seq: 1, timeoutMs: 5000 } }
    const first = await rpc(daemons.url(primary), 'kv.incr', params)
    await daemons.kill(primary)
    const again = await rpc(daemons.url((primary + 1) % 3), 'kv.incr', params)
    expect([again.value, again.rev]).toEqual([first.value, first.rev])
    expect(again.header.op).toBe(first.header.op)
    const third = await rpc(daemons.url((primary + 2) % 3), 'kv.get', { key: `once/${round}` })
    expect(third.kv).toMatchObject({ value: 7, version: 1 })
    await daemons.start(primary)
    await daemons.agree()
  }
}, 120_000)

test('a node that was away for longer than the log is kept catches up, and is primary next', async () => {
  daemons = await Daemons.init()
  for (let i = 0; i < 3; i++) {
    daemons.configure(i, 'storage: { checkpointEvery: 500, keepLog: { ops: 1000 } }')
  }
  await daemons.startAll()
  await daemons.untilWritable()
  await daemons.kill(2)
  const writer = async (w: number, from: number, to: number) => {
    for (let k = from; k < to; k += 50) {
      const calls = Array.from({ length: 50 }, (_, j) => ({
        jsonrpc: '2.0',
        id: j,
        method: 'kv.put',
        params: { key: `w${w}/${(k + j) % 300}`, value: k + j },
      }))
      const { post } = await import('./processes.ts')
      const answers = JSON.parse(await post(`${daemons.url(w % 2)}/rpc`, JSON.stringify(calls)))
      expect(answers.filter((a: { error?: object }) => a.error)).toEqual([])
    }
  }
  await Promise.all([0, 1, 2, 3].map(w => writer(w, 0, 3000)))
  const { first } = await rpc(daemons.url(0), 'log.info')
  expect(first).toBeGreaterThan(1)
  const writing = Promise.all([0, 1].map(w => writer(w, 3000, 5000)))
  await daemons.start(2)
  await writing
  await daemons.agree()
  // It takes part: with one of the others gone, the two still decide.
  await daemons.kill(await daemons.primary())
  await daemons.untilWritable()
}, 180_000)

test('two of three down: nothing is written, and the error tells the truth', async () => {
  daemons = await Daemons.init()
  await daemons.startAll()
  await daemons.untilWritable()
  await daemons.kill(1)
  await daemons.kill(2)
  const params = { key: 'lonely', value: 1, meta: { timeoutMs: 700 } }
  const error = await rpc(daemons.url(0), 'kv.put', params).catch(e => e)
  expect(error).toBeInstanceOf(RpcError)
  expect(['NO_QUORUM', 'TIMEOUT', 'VIEW_CHANGE']).toContain(error.data.name)
  const { kv } = await rpc(daemons.url(0), 'kv.get', {
    key: 'test/ready',
    meta: { consistency: 'local' },
  })
  expect(kv).not.toBeNull()
  await daemons.start(1)
  await daemons.untilWritable()
  const later = await rpc(daemons.url(1), 'kv.get', { key: 'lonely' })
  if (error.data.outcome === 'none') expect(later.kv).toBeNull()
}, 120_000)
