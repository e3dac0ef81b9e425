/** init and start as processes: the ready line, the signals, what stands in the way of a start. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemons } from '../daemon/processes.ts'
import { cli } from './command-line.ts'
import { ProgramProcess } from './program-process.ts'

let one: Daemons
beforeAll(async () => {
  one = await Daemons.init(1)
})
afterAll(() => one.destroy())

const start = (...words: string[]) =>
  new ProgramProcess(['start', '--config', one.config(0), ...words])

/** Runs to its end: exit code, and stderr without the log's lines. */
async function failing(process: ProgramProcess): Promise<{ code: number | null; said: string[] }> {
  const code = await process.exited
  const said = process.err.split('\n').filter(line => line !== '' && !line.startsWith('{'))
  return { code, said }
}

test('init writes what a node needs, and refuses to write it twice', async () => {
  const dir = join(one.dir, 'n1')
  for (const file of ['identity.key', 'config.yaml', 'superblock', 'db']) {
    expect(existsSync(join(dir, file)), file).toBe(true)
  }
  expect(statSync(join(dir, 'identity.key')).mode & 0o077).toBe(0)
  const again = await cli(['init', '--dir', one.dir, '-n', '3'])
  expect(again.code).toBe(2)
  expect(again.err).toContain('n1 is not empty; choose another --dir')
  expect(existsSync(join(one.dir, 'n2'))).toBe(false)
})

test('the ready line, RPC, and a clean end at SIGTERM; again at SIGINT', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const daemon = start()
    const [line] = await daemon.until(/^\{"event":"ready".*\}$/m)
    expect(JSON.parse(line)).toMatchObject({
      event: 'ready',
      name: 'n1',
      pid: daemon.child.pid,
      rpc: one.url(0),
      peerId: expect.stringMatching(/^12D3Koo/),
    })
    expect(daemon.out).toBe(`${line}\n`)
    expect((await cli(['ready', '-e', one.url(0)])).code).toBe(0)
    expect((await cli(['put', 'x', signal, '-e', one.url(0)])).code).toBe(0)
    expect((await cli(['get', 'x', '-e', one.url(0)])).out).toBe(`${signal}\n`)
    expect(await daemon.stop(signal)).toBe(0)
  }
})

test('with --log-format pretty the ready line is a sentence', async () => {
  const daemon = start('--log-format', 'pretty')
  const [line] = await daemon.until(/^n1 is ready: .*$/m)
  expect(line).toContain(`RPC ${one.url(0)}`)
  expect(await daemon.stop()).toBe(0)
})

test('a data directory in use is one sentence, and does no harm', async () => {
  const daemon = start()
  await daemon.until(/"event":"ready"/)
  const { code, said } = await failing(start())
  expect({ code, said }).toEqual({
    code: 1,
    said: [expect.stringMatching(/^viewstamp: .*n1.* Stop it first/)],
  })
  expect((await cli(['get', 'x', '-e', one.url(0)])).code).toBe(0)
  expect(await daemon.stop()).toBe(0)
})

test.each([0, 1])('a port in use (base + %d) is one sentence that names it', async offset => {
  const port = one.basePort + offset
  const other = createServer()
  await new Promise<void>(done => other.listen(port, '127.0.0.1', done))
  const { code, said } = await failing(start())
  await new Promise(done => other.close(done))
  expect({ code, said }).toEqual({ code: 1, said: [expect.stringContaining(`${port}`)] })
})

test('a bad configuration is exit code 2, and starts nothing', async () => {
  const good = readFileSync(one.config(0), 'utf8')
  writeFileSync(one.config(0), `${good}heartbeat: 5s\n`)
  const { code, said } = await failing(start())
  writeFileSync(one.config(0), good)
  expect(code).toBe(2)
  expect(said).toHaveLength(1)
  expect(said[0]).toMatch(
    /config\.yaml:\d+: heartbeat is unknown; did you mean replication\.heartbeat\?$/,
  )
})
