/** Real daemons: faults by `viewstamp chaos`, from any endpoint; refused where they are not allowed. */
import { afterEach, expect, test } from 'vitest'
import { cli as inProcess } from '../cli/command-line.ts'
import { cli, Daemons, RpcError, rpc } from '../daemon/processes.ts'

let daemons: Daemons
afterEach(() => daemons.destroy())

async function start(chaos: boolean): Promise<void> {
  daemons = await Daemons.init()
  if (chaos) for (let i = 0; i < 3; i++) daemons.configure(i, 'chaos: true')
  await daemons.startAll()
  await daemons.untilWritable()
}

test('cut off, healed, paused, slowed, killed: the cluster goes on, the CLI tells', async () => {
  await start(true)
  const e = ['-e', daemons.url(1)]
  const chaos = (...words: string[]) => cli(['chaos', ...words, ...e])
  expect(chaos('status', '-o', 'table').stdout).toMatch(
    /^NODE .*\nn1 +none *\nn2 +none *\nn3 +none *\n$/,
  )

  const old = await daemons.primary()
  const name = `n${old + 1}`
  const others = [0, 1, 2].filter(i => i !== old)
  const groups = [name, others.map(i => `n${i + 1}`).join(',')]
  expect(chaos('partition', ...groups, '-o', 'table').stdout).toContain(
    `cut off from ${groups[1]?.replace(',', ', ')}`,
  )
  const url = daemons.url(others[0] ?? 0)
  await rpc(url, 'kv.put', { key: 'x', value: 1, meta: { timeoutMs: 10_000 } })
  const { code, out, err } = await inProcess(['status', '--all', '-o', 'json', '-e', url])
  expect(code).toBe(0)
  expect(out).toContain(`fault injection at ${name}: cut off from`)
  expect(err).toContain(`${name} fault injection at ${name}: cut off from`)
  const metrics = await (await fetch(`${daemons.url(old)}/metrics`)).text()
  expect(metrics).toContain('viewstamp_alarms{alarm="chaos"} 1')
  const read = rpc(daemons.url(old), 'kv.get', { key: 'x', meta: { timeoutMs: 300 } })
  await expect(read).rejects.toMatchObject({ data: { outcome: 'none' } })
  expect(chaos('heal').code).toBe(0)
  expect((await rpc(daemons.url(old), 'kv.get', { key: 'x' })).kv.value).toBe(1)

  const paused = await daemons.primary()
  expect(chaos('pause', 'primary', '--for', '1h').code).toBe(0)
  expect((await fetch(`${daemons.url(paused)}/readyz`)).status).toBe(503)
  await rpc(daemons.url((paused + 1) % 3), 'kv.put', {
    key: 'x',
    value: 2,
    meta: { timeoutMs: 10_000 },
  })
  const held = rpc(daemons.url(paused), 'kv.get', { key: 'x', meta: { consistency: 'local' } })
  expect(chaos('status', '-o', 'json').stdout).toContain('"text": "paused"')
  expect(chaos('resume').code).toBe(0)
  await held
  expect((await rpc(daemons.url(paused), 'kv.get', { key: 'x' })).kv.value).toBe(2)

  expect(chaos('slow-disk', '20ms', '--all').code).toBe(0)
  expect(chaos('drop', '5%', '--all', '--for', '1h').code).toBe(0)
  expect(chaos('delay', '5ms', '--jitter', '5ms', '--node', 'n1', '--peer', 'n2,n3').code).toBe(0)
  for (let i = 0; i < 5; i++) await rpc(daemons.url(i % 3), 'kv.incr', { key: 'c' })
  expect(chaos('heal', '-o', 'table').stdout).toMatch(/n1 +healed: 3 faults/)
  await daemons.agree()
  expect((await rpc(daemons.url(0), 'kv.get', { key: 'c' })).kv.value).toBe(5)

  const killed = chaos('kill', 'n3', '-o', 'table')
  expect(killed.stdout).toMatch(
    /n3 +ended \(pid \d+\) +start it again: .*bin\/viewstamp start --config/,
  )
  expect(await daemons.exited(2)).toBe(null)
  // Nobody was named, and the dead have no faults; named, it is missed.
  expect(chaos('status').code).toBe(0)
  expect(chaos('status', 'n3').code).toBe(5)
  expect(chaos('partition', 'n1', 'n9').code).toBe(2)
  const restarted = chaos('restart', 'n1', '-o', 'json')
  expect(JSON.parse(restarted.stdout)).toMatchObject([{ node: 'n1', comesBack: false }])
  expect(await daemons.exited(0)).toBe(null)
  await Promise.all([daemons.start(0), daemons.start(2)])
  await daemons.untilWritable()
  await daemons.agree()
}, 120_000)

test('without --chaos each is refused, and nothing happens', async () => {
  await start(false)
  const refused = await rpc(daemons.url(0), 'chaos.kill').catch(error => error)
  expect(refused).toBeInstanceOf(RpcError)
  expect(refused).toMatchObject({ code: -32020, data: { name: 'CHAOS_DISABLED', outcome: 'none' } })
  const { code, stderr } = cli(['chaos', 'partition', 'n1', '-e', daemons.url(0)])
  expect(code).toBe(8)
  expect(stderr).toContain('fault injection is off at n1: start it with --chaos')
  expect(daemons.isUp(0)).toBe(true)
  const { methods } = await rpc(daemons.url(0), 'rpc.discover')
  expect(JSON.stringify(methods)).not.toContain('chaos')
}, 60_000)

test('with RPC open to other machines a daemon with chaos does not start', async () => {
  daemons = await Daemons.init(1)
  const flags = ['--chaos', '--rpc', `0.0.0.0:${daemons.basePort + 1}`, '--insecure-no-auth']
  const { code, stderr } = cli(['start', '--config', daemons.config(0), ...flags])
  expect(code).toBe(2)
  expect(stderr).toContain('chaos needs an rpc.listen on loopback')
})
