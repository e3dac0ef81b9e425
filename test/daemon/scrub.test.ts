/** A node that nobody could bring back meets damage: one alone keeps going with what it has in memory. */
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { fill, inTables, spoil } from './damage.ts'
import { cli, Daemons, rpc, sleep } from './processes.ts'

let daemons: Daemons
afterEach(() => daemons?.destroy())

async function alone(): Promise<void> {
  daemons = await Daemons.init(1)
  await daemons.startAll()
  await daemons.untilWritable()
  await fill(daemons, 40)
  await inTables(daemons, 0, '100ms')
}

test('what it can write again it does', async () => {
  await alone()
  spoil(daemons, 0, 20, 'bit')
  while (!daemons.logOf(0).includes('is written again from memory')) await sleep(20)
  const { alarms, scrub } = await rpc(daemons.url(0), 'cluster.status')
  expect(alarms).toEqual([])
  while ((await rpc(daemons.url(0), 'cluster.status')).scrub.passes <= scrub.passes) await sleep(20)
  await daemons.kill(0, 'SIGTERM')
  await daemons.start(0)
  expect((await rpc(daemons.url(0), 'cluster.status')).alarms).toEqual([])
})

test('else it goes on, raises an alarm, and still gives a snapshot', async () => {
  await alone()
  spoil(daemons, 0, 20, 'blocks')
  for (;;) {
    const { alarms } = await rpc(daemons.url(0), 'cluster.status')
    if (alarms.length === 0) {
      await sleep(20)
      continue
    }
    expect(alarms).toEqual([expect.stringMatching(/is damaged: .*viewstamp snapshot save/)])
    break
  }
  const { advice } = await rpc(daemons.url(0), 'cluster.health')
  expect(advice).toContainEqual(expect.stringContaining('snapshot save'))
  const file = join(daemons.dir, 'rescued.snapshot')
  expect(cli(['snapshot', 'save', file, '-e', daemons.url(0)])).toMatchObject({ code: 0 })
})
