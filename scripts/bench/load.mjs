/** Runs one generator process against endpoints and measures the servers' CPU over the same window. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { adopt, cpuSeconds, machineBusySeconds } from './processes.mjs'

const worker = fileURLToPath(new URL('./load-worker.mjs', import.meta.url))
const graceMs = 15_000

/**
 * `spec`: path (http | ws | sdk), op (put | get | local | batch | publish | publish-batch), inFlight, endpoints, secs, warmSecs,
 * pids of the servers; and keys, valueBytes, batch, fill (each key once) where the defaults do not fit.
 */
export async function load(spec) {
  const full = { keys: 10_000, valueBytes: 128, batch: 64, warmSecs: 0.5, pids: [], ...spec }
  const child = adopt(fork(worker, [JSON.stringify(full)]))
  const next = messages(child)
  const deadline = setTimeout(
    () => child.kill('SIGKILL'),
    (full.warmSecs + full.secs) * 1000 + graceMs,
  )
  try {
    await next('ready')
    const started = performance.now()
    child.send('go')
    if (full.fill === true) {
      const result = await next('result')
      return { ...describe(full, result), secs: (performance.now() - started) / 1000 }
    }
    await next('warm')
    const before = usage(full.pids)
    await next('measured')
    const after = usage(full.pids)
    return { ...describe(full, await next('result')), ...costs(full, before, after) }
  } finally {
    clearTimeout(deadline)
    child.kill('SIGKILL')
  }
}

function describe(spec, result) {
  const weight = spec.op.endsWith('batch') ? spec.batch : 1
  const operations = result.calls * weight
  return {
    path: spec.path,
    op: spec.op,
    inFlight: spec.inFlight,
    operations,
    perSecond: operations / spec.secs,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    maxMs: result.maxMs,
    errors: result.errors,
    firstError: result.firstError,
    generatorCores: result.cpuSecs / spec.secs,
  }
}

function usage(pids) {
  return { at: performance.now(), busy: machineBusySeconds(), servers: pids.map(cpuSeconds) }
}

/** `foreignCores`: what programs outside this benchmark burnt; above 0.3 the sample is suspect. */
function costs(spec, before, after) {
  const secs = (after.at - before.at) / 1000
  const nodeCores = after.servers.map((cpu, i) => (cpu - before.servers[i]) / secs)
  const serverCores = nodeCores.reduce((sum, cores) => sum + cores, 0)
  return { nodeCores, serverCores, busyCores: (after.busy - before.busy) / secs, secs: spec.secs }
}

/** The child's messages one by one, by type; a child that ends before is an error. */
function messages(child) {
  const seen = new Map()
  const waiting = new Map()
  let dead
  child.on('message', message => {
    const value = message.result ?? true
    const wanted = waiting.get(message.type)
    if (wanted === undefined) seen.set(message.type, value)
    else wanted.resolve(value)
  })
  child.once('exit', (code, signal) => {
    dead = new Error(
      `the load generator ended before its result (${signal ?? `exit code ${code}`})`,
    )
    for (const { reject } of waiting.values()) reject(dead)
  })
  return type =>
    new Promise((resolve, reject) => {
      if (seen.has(type)) resolve(seen.get(type))
      else if (dead !== undefined) reject(dead)
      else waiting.set(type, { resolve, reject })
    })
}
