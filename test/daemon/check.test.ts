/** viewstamp check against real daemons, one of which dies and comes back meanwhile. */
import { afterEach, expect, test } from 'vitest'
import { ProgramProcess } from '../cli/program-process.ts'
import { Daemons } from './processes.ts'

let daemons: Daemons

afterEach(() => daemons.destroy())

test('a cluster whose primary is killed keeps its promises, and check says so', async () => {
  daemons = await Daemons.init()
  await daemons.startAll()
  await daemons.untilWritable()
  const words = ['check', '--duration', '6s', '--min-ops', '100', '-o', 'json', '-e']
  const check = new ProgramProcess([...words, daemons.url(0)])
  await check.until(/checking n1, n2, n3 with 16 clients/)
  await daemons.untilWritable()
  const primary = await daemons.primary()
  await daemons.kill(primary)
  await daemons.untilWritable()
  await daemons.start(primary)
  const code = await check.exited
  const { verdict, findings, workloads } = JSON.parse(check.out)
  expect([verdict, findings, code]).toEqual(['ok', [], 0])
  expect(workloads.map((each: { workload: string }) => each.workload)).toEqual([
    'register',
    'counter',
    'append',
    'bank',
  ])
  expect(check.err).toMatch(/errors: [\s\S]*same state on all nodes: main at op \d+/)
}, 120_000)
