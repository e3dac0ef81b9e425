/** The same disk under a node inside a process: it is mended behind the same object, and nothing of the program ends. */
import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createNode, type EmbeddedNode } from '../../src/index.ts'
import { dataDir, fill, spoil, textOf } from './damage.ts'
import { Daemons, rpc, sleep } from './processes.ts'

let daemons: Daemons
let node: EmbeddedNode | undefined

afterEach(async () => {
  await node?.stop()
  await daemons?.destroy()
})

const KEYS = 420

/** What n3 would be as a daemon, in this process. */
function embedded(): EmbeddedNode {
  const settings = parse(readFileSync(daemons.config(2), 'utf8'))
  settings.node.dataDir = dataDir(daemons, 2)
  return createNode({
    ...settings,
    storage: { scrub: { every: '200ms', rate: '1GiB' } },
    log: { level: 'error' },
  })
}

test('damage is mended in a node inside a process: the same object and port go on', async () => {
  daemons = await Daemons.init(3)
  await daemons.startAll()
  await daemons.untilWritable()
  await fill(daemons, KEYS)
  await daemons.kill(2, 'SIGTERM')
  node = embedded()
  let ended: unknown = 'not yet'
  node.finished.then(reason => {
    ended = reason
  })
  await node.start()
  const { url, api } = node
  spoil(daemons, 2, 10, 'bit')
  // Any error but NOT_READY, which is what it answers while its data is closed, fails the test.
  const mended = async () => {
    const status = await node?.call('cluster.status').catch(error => {
      if (error.errorName === 'NOT_READY') return undefined
      throw error
    })
    return status?.['mended']
  }
  while ((await mended()) === undefined) await sleep(20)
  await daemons.untilServed(2)
  expect(await mended()).toMatchObject({ times: 1, why: expect.stringContaining('is damaged') })
  expect([node.url, node.api, ended]).toEqual([url, api, 'not yet'])
  await node.call('kv.put', { key: 'after', value: 1 })
  expect((await rpc(daemons.url(0), 'kv.get', { key: 'after' })).kv.value).toBe(1)
  for (let k = 0; k < KEYS; k += 10) {
    const params = { key: `k${k}`, meta: { consistency: 'local' } }
    expect(await node.call('kv.get', params)).toMatchObject({ kv: { value: textOf(k) } })
  }
  expect(await node.call('log.verify')).toMatchObject({ ok: true })
  await node.stop()
  expect(ended).toBeUndefined()
}, 120_000)
