/** A disk that is really full: the daemon ends with a sentence, and what it had acknowledged is there. */
import { afterEach, expect, test } from 'vitest'
import { canMount, type Mounted, mounted } from './mounted.ts'
import { BIN, Daemons, RpcError, rpc } from './processes.ts'

let daemons: Daemons
let space: Mounted | undefined

afterEach(async () => {
  await space?.end()
  await daemons.destroy()
})

test.runIf(canMount)('no acknowledged write is lost on a full disk', async () => {
  daemons = await Daemons.init(1)
  daemons.configure(0, 'storage: { minFree: 0B }')
  const dir = `${daemons.dir}/n1`
  space = await mounted(
    `cp -a '${dir}' '${dir}.copy' && mount -t tmpfs -o size=12m tmpfs '${dir}' && cp -a '${dir}.copy/.' '${dir}'`,
  )
  const start = `'${BIN}' start --config '${daemons.config(0)}'`
  const acknowledged: string[] = []
  const ended = space.run(start)
  let isUp = true
  ended.then(() => {
    isUp = false
  })
  await daemons.untilServed(0)
  for (let k = 0; isUp && k < 2000; k++) {
    const key = `k${k}`
    const value = `${key}/`.repeat(5000)
    const done = await rpc(daemons.url(0), 'kv.put', { key, value }, 5000).catch(() => undefined)
    if (done) acknowledged.push(key)
  }
  const { code, output } = await ended
  expect(code).toBe(1)
  const last = output.filter(line => line.startsWith('{')).at(-1) ?? '{}'
  expect(JSON.parse(last)).toMatchObject({
    level: 60,
    msg: expect.stringMatching(/^Cannot write to .*n1: the disk is full\. Free some space/),
  })
  expect(acknowledged.length).toBeGreaterThan(20)

  await space.run(`mount -o remount,size=100m '${dir}'`)
  await space.run(`${start} >/dev/null & echo $! > '${daemons.dir}/pid'`)
  await daemons.untilServed(0)
  for (const key of acknowledged) {
    const { kv } = await rpc(daemons.url(0), 'kv.get', { key })
    expect(kv?.value, key).toBe(`${key}/`.repeat(5000))
  }
  await rpc(daemons.url(0), 'kv.put', { key: 'more', value: 1 })
  await space.run(`kill $(cat '${daemons.dir}/pid'); wait $(cat '${daemons.dir}/pid')`)
})

test.runIf(canMount)(
  'a disk with less free than storage.minFree: the role moves on, and no write is lost or refused elsewhere',
  async () => {
    daemons = await Daemons.init(3)
    daemons.configure(0, 'storage: { minFree: 40MiB }')
    const dir = `${daemons.dir}/n1`
    space = await mounted(
      `cp -a '${dir}' '${dir}.copy' && mount -t tmpfs -o size=100m tmpfs '${dir}' && cp -a '${dir}.copy/.' '${dir}'`,
    )
    await space.run(
      `'${BIN}' start --config '${daemons.config(0)}' >/dev/null 2>&1 & echo $! > '${daemons.dir}/pid'`,
    )
    await Promise.all([daemons.start(1), daemons.start(2), daemons.untilServed(0)])
    const primary = async () => (await rpc(daemons.url(1), 'cluster.status')).shards[0].primary
    const put = (i: number, key: string) => rpc(daemons.url(i), 'kv.put', { key, value: key })
    const peers = async () => (await rpc(daemons.url(1), 'cluster.status')).peers
    await expect
      .poll(async () => (await peers()).every((p: { connected: boolean }) => p.connected), {
        timeout: 20_000,
      })
      .toBe(true)
    await rpc(daemons.url(1), 'cluster.stepDown', { to: 'n1' })
    await put(1, 'before')

    await space.run(`fallocate -l 70m '${dir}/ballast'`)
    const seen: string[] = []
    for (let k = 0; (await primary()) === 'n1' && k < 5000; k++) {
      await put(1 + (k % 2), `k${k}`)
      seen.push(`k${k}`)
    }
    expect(await primary()).not.toBe('n1')
    await put(1, 'after')
    const error = await put(0, 'here').catch((refused: RpcError) => refused)
    expect(error).toBeInstanceOf(RpcError)
    expect(error.data).toMatchObject({ name: 'READ_ONLY', outcome: 'none', reason: 'NO_SPACE' })
    // Asked to take the role, it hands it on again.
    await rpc(daemons.url(1), 'cluster.stepDown', { to: 'n1' }).catch(() => undefined)
    await put(2, 'still')
    for (const key of [...seen, 'before', 'after', 'still']) {
      expect((await rpc(daemons.url(0), 'kv.get', { key })).kv?.value).toBe(key)
    }

    await space.run(`rm '${dir}/ballast'`)
    await expect
      .poll(() => put(0, 'here').then(() => 'taken', String), { timeout: 20_000 })
      .toBe('taken')
    await rpc(daemons.url(1), 'cluster.stepDown', { to: 'n1' })
    await put(2, 'again')
    expect(await primary()).toBe('n1')
    await space.run(`kill $(cat '${daemons.dir}/pid'); wait $(cat '${daemons.dir}/pid')`)
  },
  120_000,
)
