/** A disk that is really full: the daemon ends with a sentence, and what it had acknowledged is there. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { canMount, type Mounted, mounted } from './mounted.ts'
import { BIN, Daemons, rpc } from './processes.ts'

let daemons: Daemons
let space: Mounted | undefined

beforeEach(async () => {
  daemons = await Daemons.init(1)
})
afterEach(async () => {
  await space?.end()
  await daemons.destroy()
})

test.runIf(canMount)('no acknowledged write is lost on a full disk', async () => {
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
