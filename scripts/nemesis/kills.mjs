/**
 * Real daemons, loaded and judged by `viewstamp check`, killed and stopped meanwhile:
 *
 *   npm run nemesis:kills -- --quick                         8 runs of 15 s
 *   npm run nemesis:kills -- [--seconds 60] [--fault kill-primary,stop-one] [-n 3] [--base-port 9400]
 *
 * Every run has registers, counters, lists and a bank, and one kind of fault (scripts/nemesis/faults.mjs), again
 * and again; whether it did enough `check` measures by its calm start. Exit code 1 unless every run is ok; what
 * failed keeps its data and its history.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { adopt, Daemons, PROGRAM } from './daemons.mjs'
import { FAULTS, QUICK, sleep } from './faults.mjs'

/** Before the first fault: the calm that `check` measures (src/cli/check/report.ts), and a bit. */
const CALM_MS = 2_000
/** Between two faults, once writes go on. */
const QUIET_MS = 1_000

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))
const options = parse()
let failed = 0
console.log('FAULT            TIMES    OPS     OK  UNKNOWN  FAILED  VERDICT')
for (const [i, name] of options.faults.entries()) {
  const base = options.basePort + 100 * (i % 10)
  if (!(await run(name, base))) failed++
}
console.log(failed === 0 ? `${options.faults.length} runs, all ok` : `${failed} runs failed`)
process.exitCode = failed === 0 ? 0 : 1

function parse() {
  const text = { type: 'string' }
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean' },
        seconds: text,
        fault: text,
        nodes: { ...text, short: 'n' },
        'base-port': text,
      },
    })
    const faults = values.fault?.split(',') ?? (values.quick ? QUICK : Object.keys(FAULTS))
    const strange = faults.find(name => FAULTS[name] === undefined)
    if (strange !== undefined) {
      throw new Error(`--fault ${strange} is none of ${Object.keys(FAULTS).join(', ')}`)
    }
    const seconds = numberOf('seconds', values.seconds, values.quick ? 15 : 60)
    const nodes = numberOf('nodes', values.nodes, 3)
    const basePort = numberOf('base-port', values['base-port'], 9_400)
    return { faults, seconds, nodes, basePort, longestMs: values.quick ? 5_000 : 30_000 }
  } catch (error) {
    console.error(`${error.message} (see the head of scripts/nemesis/kills.mjs)`)
    process.exit(2)
  }
}

function numberOf(name, given, otherwise) {
  const value = given === undefined ? otherwise : Number(given)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} ${given} is no number`)
  return value
}

/** True: it is ok. */
async function run(name, basePort) {
  const folder = mkdtempSync(join(tmpdir(), 'viewstamp-nemesis-'))
  const daemons = new Daemons(join(folder, 'cluster'), options.nodes, basePort)
  let isOk = false
  try {
    await daemons.startAll()
    const check = startCheck(daemons.url(0), join(folder, 'history.jsonl'))
    await check.loading
    const times = await torment(daemons, name)
    const { code, report, said } = await check.ended
    isOk = code === 0 && times > 0
    tell(name, times, report, isOk)
    if (!isOk) console.log([said, ...(report?.findings ?? [])].join('\n'))
  } catch (error) {
    console.log(`${name}: ${error.message}`)
  } finally {
    await daemons.killAll()
  }
  if (isOk) rmSync(folder, { recursive: true, force: true })
  else console.log(`data, logs and history: ${folder}`)
  return isOk
}

function startCheck(url, record) {
  const words = ['check', '--duration', `${options.seconds}s`, '--record', record, '-e', url]
  const child = adopt(
    spawn(PROGRAM, [...words, '-o', 'json'], { stdio: ['ignore', 'pipe', 'pipe'] }),
  )
  let out = ''
  let said = ''
  child.stdout.on('data', part => {
    out += part
  })
  const ended = new Promise(resolve => {
    child.once('close', code =>
      resolve({ code, said, report: out === '' ? undefined : JSON.parse(out) }),
    )
  })
  const loading = new Promise((resolve, reject) => {
    child.stderr.on('data', part => {
      said += part
      if (said.includes('checking ')) resolve()
    })
    child.once('close', () => reject(new Error(`check did not begin: ${said}`)))
  })
  return { ended, loading }
}

/**
 * One fault after the other; the last quarter of the load is left for getting well, so a kill is not begun if the
 * longest so far would not be over by then. A stop keeps to the time that is left.
 */
async function torment(daemons, name) {
  const end = performance.now() + options.seconds * 750
  const stopMs = Math.min(options.longestMs, options.seconds * 250)
  const mustFit = !name.startsWith('stop-')
  let times = 0
  let longestMs = 0
  await sleep(CALM_MS)
  while (times === 0 || performance.now() + (mustFit ? longestMs : 0) < end) {
    const before = performance.now()
    await FAULTS[name](daemons, Math.min(stopMs, Math.max(300, end - before)))
    await daemons.untilWritable()
    longestMs = Math.max(longestMs, performance.now() - before)
    times++
    await sleep(QUIET_MS)
  }
  return times
}

function tell(name, times, report, isOk) {
  const sum = of => (report?.workloads ?? []).reduce((total, each) => total + each[of], 0)
  const [ok, unknown, failures] = [sum('ok'), sum('unknown'), sum('failed')]
  const cells = [
    name.padEnd(16),
    String(times).padStart(5),
    String(ok + unknown + failures).padStart(6),
    String(ok).padStart(6),
    String(unknown).padStart(8),
    String(failures).padStart(7),
    isOk ? 'ok' : (report?.verdict ?? 'no answer'),
  ]
  console.log(cells.join(' '))
}
