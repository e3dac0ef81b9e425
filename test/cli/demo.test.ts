/** The demo as a user has it: real daemons, one killed, started again by the line that was printed. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freeBase } from '../daemon/processes.ts'
import { cli } from './command-line.ts'
import { ProgramProcess } from './program-process.ts'

test('a demo lives, loses a node, gets it back, and leaves nothing behind', async () => {
  const base = await freeBase(3)
  const demo = new ProgramProcess(['demo', '--base-port', String(base)])
  let revived: ProgramProcess | undefined
  try {
    const [, dir = ''] = await demo.until(/data in (\S+) \(removed at the end\)/)
    await demo.until(/Ctrl-C stops all/)
    const urls = [1, 11, 21].map(offset => `http://127.0.0.1:${base + offset}`)
    for (const url of urls) expect(demo.out).toContain(url)
    const [, pid = '', victim = ''] = await demo.until(/kill -9 (\d+) +# (n\d), the primary/)

    process.kill(Number(pid), 'SIGKILL')
    const [, config = ''] = await demo.until(
      /is dead \(SIGKILL\)[\s\S]*?start --config (\S+config\.yaml)/,
    )
    expect(config).toContain(`/${victim}/`)
    const rest = urls.filter(
      url => !url.endsWith(String(base + 10 * (Number(victim.slice(1)) - 1) + 1)),
    )
    expect((await cli(['put', 'x', '1', '-e', rest.join(','), '--timeout', '20s'])).code).toBe(0)

    revived = new ProgramProcess(['start', '--config', config])
    await demo.until(new RegExp(`${victim} is back`))
    expect((await cli(['get', 'x', '-e', rest.join(',')])).out).toBe('1\n')
    expect(await revived.stop()).toBe(0)
    await demo.until(new RegExp(`${victim} is gone again`))

    expect(await demo.stop('SIGINT')).toBe(0)
    expect(existsSync(dir)).toBe(false)
    for (const url of urls) await expect(fetch(`${url}/livez`)).rejects.toThrow()
  } finally {
    await revived?.stop('SIGKILL')
    await demo.stop('SIGTERM')
  }
})

test('a node that is restarted by chaos comes back by itself; --no-chaos refuses', async () => {
  const base = await freeBase(2)
  const url = `http://127.0.0.1:${base + 1}`
  const demo = new ProgramProcess(['demo', '-n', '2', '--base-port', String(base)])
  try {
    await demo.until(/chaos partition primary[\s\S]*Ctrl-C stops all/)
    const { code, out } = await cli(['chaos', 'restart', 'n2', '-e', url, '-o', 'json'])
    expect([code, JSON.parse(out)]).toMatchObject([0, [{ node: 'n2', comesBack: true }]])
    await demo.until(/n2 has ended and is started again/)
    await demo.until(/n2 is back \(pid \d+\)/)
    expect((await cli(['put', 'x', '1', '-e', url, '--timeout', '20s'])).code).toBe(0)
  } finally {
    expect(await demo.stop()).toBe(0)
  }
  const calm = new ProgramProcess(['demo', '-n', '1', '--base-port', String(base), '--no-chaos'])
  try {
    await calm.until(/Ctrl-C stops all/)
    expect(calm.out).not.toContain('chaos')
    expect((await cli(['chaos', 'kill', '-e', url])).code).toBe(8)
  } finally {
    expect(await calm.stop()).toBe(0)
  }
})

test('ports in use are one sentence, before anything is started', async () => {
  const base = await freeBase(1)
  const words = ['demo', '-n', '1', '--base-port', String(base)]
  const first = new ProgramProcess(words)
  const dir = mkdtempSync(join(tmpdir(), 'viewstamp-test-'))
  try {
    await first.until(/Ctrl-C stops all/)
    const second = new ProgramProcess([...words, '--dir', dir])
    expect(await second.exited).toBe(2)
    expect(second.err).toMatch(
      new RegExp(`^viewstamp: port ${base} is in use, perhaps by another demo; .*\\n$`),
    )
    // And nothing is in the way of the next try.
    expect(readdirSync(dir)).toEqual([])
  } finally {
    rmSync(dir, { recursive: true })
    expect(await first.stop()).toBe(0)
  }
})

test.each(['SIGHUP', 'SIGKILL'] as const)('its daemons end with it, also by %s', async signal => {
  const base = await freeBase(1)
  const demo = new ProgramProcess(['demo', '-n', '1', '--base-port', String(base)])
  const [, dir = ''] = await demo.until(/data in (\S+) \(removed at the end\)/)
  await demo.until(/Ctrl-C stops all/)
  await demo.stop(signal)
  // Behind a demo that could not wait for it, the daemon hands over and ends.
  const lives = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${base + 1}/livez`).then(
      () => true,
      () => false,
    )
  while (await lives());
  expect(existsSync(dir)).toBe(signal === 'SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})
