/** docs/client.md and docs/examples, run as a user would: programs of their own, against a cluster. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ROOT } from '../daemon/processes.ts'
import { Served } from './served.ts'

let served: Served

beforeEach(async () => {
  served = await Served.start()
})
afterEach(() => served.stop())

/** What it printed; each line is shown to `onLine` as it comes. */
async function run(args: readonly string[], onLine: (line: string) => unknown = () => {}) {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    errors += text
  })
  createInterface({ input: child.stdout }).on('line', line => {
    lines.push(line)
    onLine(line)
  })
  const code = await new Promise(resolve => child.once('close', resolve))
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
  return lines
}

const example = (name: string, onLine?: (line: string) => unknown) =>
  run([join(ROOT, 'docs/examples', name), ...served.urls], onLine)

const GUIDE = readFileSync(join(ROOT, 'docs/client.md'), 'utf8')
const blocks = [...GUIDE.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, code = '']) => code)

test.each(blocks.map((code, i) => [i + 1, code] as const))(
  'block %i prints what it says',
  async (_, code) => {
    const expected = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].flatMap(
      ([, said = '']) => said.split(', '),
    )
    const program = served.urls.reduce(
      (text, url, i) => text.replaceAll(`http://127.0.0.1:74${i}1`, url),
      code,
    )
    expect(program).toContain(served.urls[0])
    expect(await run(['--input-type=module', '-e', program])).toEqual(expected)
    expect(expected.length).toBeGreaterThan(0)
  },
)

test('exactly once, over a primary that dies half-way', async () => {
  let killed: Promise<void> | undefined
  const lines = await example('exactly-once.mjs', line => {
    if (line === 'half') killed = served.kill(served.cluster.primary() ?? '')
  })
  await killed
  expect(killed).toBeDefined()
  expect(lines).toEqual(['half', '1000'])
})

test('a lock', async () => {
  expect(await example('lock.mjs')).toEqual([
    'a holds it',
    'with an old token: false',
    'with the new one: true',
    'b holds it, and its token is higher: true',
    'a writes no more: false',
  ])
})

test('transfers', async () => {
  expect(await example('transfer.mjs')).toEqual([
    'in all accounts: 300',
    'more than there is: false',
  ])
})

test('a read model', async () => {
  expect(await example('read-model.mjs')).toEqual(['{"ann":200,"bob":190,"cid":1}'])
})

test('an outbox', async () => {
  expect(await example('outbox.mjs')).toEqual([
    'the first relay died, having handed over 5',
    'handed over 11 times, 10 orders',
    Array.from({ length: 10 }, (_, i) => `o${i}=${i}`).join(' '),
  ])
})

test('a read model rebuilt from offset 0', async () => {
  expect(await example('rebuild.mjs')).toEqual([
    'live:    bolts:269 nuts:262 at offset 199',
    'rebuilt: bolts:269 nuts:262 at offset 199',
  ])
})

test('a ledger with an audit feed in the same commit', async () => {
  expect(await example('ledger.mjs')).toEqual([
    'every transfer that was made is in the audit: true',
    'the audit gives the balances: true',
  ])
})

test('a work queue', async () => {
  expect(await example('work-queue.mjs')).toEqual([
    'leased by one that dies: 0 1',
    'job 13 was given up: no such luck',
    'to be done: 0',
  ])
})
