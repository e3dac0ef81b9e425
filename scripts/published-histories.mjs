/**
 * Judges histories that others published with their verdicts, and compares:
 *
 *   node scripts/published-histories.mjs DIR…
 *
 * DIR is a checkout of github.com/anishathalye/porcupine (test_data/jepsen, test_data/kv) or of
 * github.com/jepsen-io/knossos (data/cas-register). Exit code 1 if one verdict differs.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadSimulator } from './bundle-sim.mjs'

const { STEPS_MAX, isLinearizable, list, register } = await loadSimulator([], 'src/check/main.ts')

/** Their names of what we call otherwise. */
const OPS = { read: 'get', write: 'put' }

/** A text that is put, appended to and read; it begins empty. */
const text = {
  ...list,
  step(state, { op, args, result }) {
    if (op === 'put') return args[0]
    if (op === 'append') return state + args[0]
    return result === undefined || result === state ? state : list.step('', { op: '?' })
  },
}

const directories = process.argv.slice(2)
if (directories.length === 0) {
  console.error('usage: node scripts/published-histories.mjs DIR…   (see the head of this file)')
  process.exit(2)
}
const cases = directories.flatMap(dir => [...etcdLogs(dir), ...kvTexts(dir), ...knossos(dir)])
let agreed = 0
let slowestMs = 0
for (const { file, expected, histories } of cases) {
  const started = performance.now()
  const verdict = judge(histories, 20_000) ?? judge(histories, STEPS_MAX) ?? 'unknown'
  const ms = performance.now() - started
  slowestMs = Math.max(slowestMs, ms)
  if (verdict === expected) agreed++
  else console.log(`${file}: we say ${verdict} after ${ms.toFixed(0)} ms, published is ${expected}`)
}
console.log(
  `${agreed} of ${cases.length} published verdicts agree; the slowest took ${slowestMs.toFixed(0)} ms`,
)
process.exitCode = agreed === cases.length && cases.length > 0 ? 0 : 1

/** Undefined: not within so many steps a key. One key without an order is enough: a short look finds it. */
function judge(histories, stepsMax) {
  const verdicts = histories.map(({ model, intervals }) =>
    isLinearizable(model, intervals, stepsMax),
  )
  const each = verdicts.map(verdict => verdict.linearizable)
  if (each.includes('no')) return 'no'
  return each.includes('unknown') ? undefined : 'yes'
}

/** Porcupine's etcd logs; the verdicts are in porcupine_test.go. */
function etcdLogs(dir) {
  const tests = join(dir, 'porcupine_test.go')
  if (!existsSync(tests)) return []
  const verdicts = readFileSync(tests, 'utf8').matchAll(/checkJepsen\(t, (\d+), (true|false)\)/g)
  return [...verdicts].map(([, number, correct]) => {
    const file = join(dir, 'test_data/jepsen', `etcd_${number.padStart(3, '0')}.log`)
    const events = readFileSync(file, 'utf8')
      .split('\n')
      .map(line => /^INFO\s+jepsen\.util\s+-\s+(\d+)\s+:(\w+)\s+:(\w+)\s+(.*)$/.exec(line))
      .filter(match => match !== null)
      .map(([, process, type, f, value]) => ({ process, type, f, value: ednValue(value.trim()) }))
    // A compare-and-set that failed was seen to differ; any other failure says nothing.
    const intervals = pair(events, { failed: op => (op === 'cas' ? false : undefined) })
    return {
      file,
      expected: verdictOf(correct === 'true'),
      histories: [{ model: register, intervals }],
    }
  })
}

/** Porcupine's strings that grow, several keys in one file. */
function kvTexts(dir) {
  const folder = join(dir, 'test_data/kv')
  if (!existsSync(folder)) return []
  return readdirSync(folder).map(name => {
    const events = ednMaps(readFileSync(join(folder, name), 'utf8'))
    const keys = [...new Set(events.map(event => event.key))]
    const histories = keys.map(key => {
      const model = text
      return {
        model,
        intervals: pair(
          events.filter(event => event.key === key),
          {},
        ),
      }
    })
    return { file: join(folder, name), expected: verdictOf(name.includes('-ok')), histories }
  })
}

function knossos(dir) {
  return ['good', 'bad'].flatMap(quality => {
    const folder = join(dir, 'data/cas-register', quality)
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter(name => name.endsWith('.edn'))
      .map(name => {
        const events = ednMaps(readFileSync(join(folder, name), 'utf8'))
        // Knossos leaves out what failed, and takes a read of nil for a read that was not told.
        const intervals = pair(events, { failed: () => 'leave out', nil: undefined })
        const expected = verdictOf(quality === 'good')
        return { file: join(folder, name), expected, histories: [{ model: register, intervals }] }
      })
  })
}

function verdictOf(good) {
  return good ? 'yes' : 'no'
}

/** Calls and returns of one process belong together; their places in the file are the time. */
function pair(events, { failed, ...rest }) {
  const calls = new Map()
  const intervals = []
  events.forEach(({ process, type, f, value }, time) => {
    if (type === 'invoke') {
      calls.set(process, { f, value, time })
      return
    }
    const call = calls.get(process)
    if (call === undefined) return
    if (type === 'info') {
      // What is not known stays open; the process goes on under another name.
      intervals.push(interval(call, Number.POSITIVE_INFINITY, undefined))
    } else {
      let result = resultOf(f, value, rest)
      if (type === 'fail') result = failed(call.f === 'cas' ? 'cas' : call.f)
      if (result !== 'leave out') intervals.push(interval(call, time, result))
    }
    calls.delete(process)
  })
  for (const call of calls.values()) {
    intervals.push(interval(call, Number.POSITIVE_INFINITY, undefined))
  }
  return intervals
}

function resultOf(f, value, rest) {
  if (f === 'cas') return true
  if (f !== 'read' && f !== 'get') return undefined
  return value === null && 'nil' in rest ? rest.nil : value
}

function interval({ f, value, time }, returned, result) {
  const args = f === 'read' || f === 'get' ? [] : f === 'cas' ? value : [value]
  return { op: { op: OPS[f] ?? f, args, result }, called: time, returned }
}

/** `nil`, a number, a text, `[1 2]`, a keyword. */
function ednValue(text) {
  if (text === 'nil') return null
  if (text.startsWith('"')) return JSON.parse(text)
  if (text.startsWith('[')) return text.slice(1, -1).trim().split(/\s+/).map(ednValue)
  return /^-?\d+$/.test(text) ? Number(text) : text
}

/** The maps of an EDN file whose members are those of an operation. */
function ednMaps(source) {
  const withoutComments = source.replace(/^\s*;.*$/gm, '')
  return [...withoutComments.matchAll(/\{([^{}]*)\}/g)].map(([, body]) => {
    const members = body.matchAll(/:(\w+)\s+("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^\s,\]}]+)/g)
    const map = Object.fromEntries([...members].map(([, name, value]) => [name, value]))
    return {
      process: map.process,
      type: map.type?.slice(1),
      f: map.f?.slice(1),
      key: map.key,
      value: ednValue(map.value ?? 'nil'),
    }
  })
}
