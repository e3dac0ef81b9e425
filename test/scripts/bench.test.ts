import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const main = 'scripts/bench/main.mjs'
const short = ['--secs', '0.2', '--rounds', '1', '--quick', '--json']

test('the load generator gets answers without error over HTTP, in batches and over a WebSocket', async () => {
  const only = 'put-http,batch-http,put-ws,get-ws,local-http'
  const { stdout } = await run(process.execPath, [main, '--echo', '--only', only, ...short])
  const { loads } = JSON.parse(stdout) as { loads: Record<string, unknown>[] }
  const kinds = loads.map(({ op, path, inFlight }) => `${op} ${path} ${inFlight}`)
  expect(kinds).toEqual([
    ...['put http 1', 'put http 64', 'put http 256', 'batch http 16'],
    ...['put ws 1', 'put ws 64', 'put ws 256', 'local http 1', 'local http 64'],
    ...['get ws 64', 'get ws 256'],
  ])
  for (const load of loads) {
    expect(load).toMatchObject({ errors: 0 })
    expect(load['perSecond']).toBeGreaterThan(0)
    expect(load['p99Ms']).toBeGreaterThanOrEqual(load['p50Ms'] as number)
  }
})

test('a wrong option is a usage error that names the choices', async () => {
  const wrong = run(process.execPath, [main, '--only', 'put-carrier-pigeon'])
  await expect(wrong).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('choose of put-http'),
  })
})
