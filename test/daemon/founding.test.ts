/** Founding without files, by real processes: the same command every time, or one clear sentence. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ProgramProcess } from '../cli/program-process.ts'
import { freeBase, rpc } from './processes.ts'

let dir: string
let base: number
const running: ProgramProcess[] = []

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'viewstamp-founding-'))
  base = await freeBase(3)
})
afterEach(async () => {
  await Promise.all(running.splice(0).map(daemon => daemon.stop('SIGKILL')))
  rmSync(dir, { recursive: true, force: true })
})

const url = (i: number) => `http://127.0.0.1:${base + 10 * i + 1}`
const address = (i: number) => `/ip4/127.0.0.1/tcp/${base + 10 * i}`

/** The command of founder i; all but the first are told of the first. */
function start(i: number, expected: number, ...more: string[]): ProgramProcess {
  const daemon = new ProgramProcess([
    ...['start', '--name', `n${i + 1}`, '--data-dir', join(dir, `n${i + 1}`)],
    ...['--bootstrap-expect', String(expected)],
    ...['--listen', address(i), '--rpc', `127.0.0.1:${base + 10 * i + 1}`],
    ...(i > 0 ? ['--peer', address(0)] : []),
    ...more,
  ])
  running.push(daemon)
  return daemon
}

const startAll = () => [0, 1, 2].map(i => start(i, 3))
const ready = (daemons: readonly ProgramProcess[]) =>
  Promise.all(daemons.map(daemon => daemon.until(/"event":"ready"/)))

test('three found a cluster, and the same commands go on with it', async () => {
  const founders = startAll()
  await ready(founders)
  const meta = { timeoutMs: 20_000 }
  const { header } = await rpc(url(1), 'kv.put', { key: 'x', value: 1, meta }, 25_000)
  expect(header.cluster).toBe('viewstamp')
  const { members } = await rpc(url(2), 'cluster.members')
  expect(members.map((member: { name: string }) => member.name).sort()).toEqual(['n1', 'n2', 'n3'])

  await Promise.all(founders.map(founder => founder.stop('SIGKILL')))
  await ready(startAll())
  const { kv } = await rpc(url(0), 'kv.get', { key: 'x', meta }, 25_000)
  expect(kv.value).toBe(1)
})

test('a founder that was wiped does not found again', async () => {
  const founders = startAll()
  await ready(founders)
  await rpc(url(0), 'kv.put', { key: 'x', value: 1, meta: { timeoutMs: 20_000 } }, 25_000)
  await founders[2]?.stop('SIGKILL')
  // With its identity it would be n3; without, a stranger of that name.
  rmSync(join(dir, 'n3'), { recursive: true })
  const stranger = start(2, 3)
  expect(await stranger.exited).toBe(1)
  expect(said(stranger)).toEqual([
    expect.stringMatching(
      /^viewstamp: cluster "viewstamp" \(n\d, n\d, n\d\) exists already, and n3 \(12D3\w+\) is not a member of it: start it with the data directory/,
    ),
  ])
  expect((await rpc(url(1), 'kv.get', { key: 'x' })).kv.value).toBe(1)
})

test('without data and without founders: what is missing is named', async () => {
  const lonely = new ProgramProcess(['start', '--name', 'n1', '--data-dir', join(dir, 'n1')])
  running.push(lonely)
  expect(await lonely.exited).toBe(2)
  expect(said(lonely)).toEqual([
    expect.stringMatching(
      /n1 holds no data, and the configuration names no founders: .*--bootstrap-expect N/,
    ),
  ])
})

test.each([
  [
    'numbers',
    ['3', '2'],
    [],
    /n\d expects \d founders and n\d expects \d: give all founders the same --bootstrap-expect/,
  ],
  [
    'cluster ids',
    ['2', '2'],
    ['--cluster', 'other'],
    /n\d is to found cluster "\w+" and n\d cluster "\w+": give both the same cluster id/,
  ],
])(
  'two founders that disagree on %s both say so, and found nothing',
  async (_, expected, more, sentence) => {
    const founders = [start(0, Number(expected[0])), start(1, Number(expected[1]), ...more)]
    for (const founder of founders) {
      expect(await founder.exited).toBe(1)
      expect(said(founder)).toEqual([expect.stringMatching(sentence)])
    }
  },
)

/** What is on stderr besides the log. */
const said = (daemon: ProgramProcess) =>
  daemon.err.split('\n').filter(line => line !== '' && !line.startsWith('{'))

test.each([
  ['half of one', '{"version":1,"terms":{"clusterId":"vie'],
  ['nothing', ''],
  ['something else', '[7]'],
])(
  'a founding promise that is %s is refused in one sentence, and nothing is founded',
  async (_, text) => {
    mkdirSync(join(dir, 'n1'))
    writeFileSync(join(dir, 'n1', 'founding.json'), text)
    const founder = start(0, 3)
    expect(await founder.exited).toBe(1)
    expect(founder.err).toMatch(
      /the founding promise \(founding\.json in the data directory\) cannot be read \(.*\): if no founder has reported "founded" yet, remove the data directories of all founders/,
    )
    expect(founder.err).not.toMatch(/JSON at position|\n\s+at /)
  },
)
