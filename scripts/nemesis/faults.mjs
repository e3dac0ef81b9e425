/** What is done to the daemons. Each waits until the cluster is whole again. */
import { sleep } from './system.mjs'

export { sleep }

const between = (low, high) => low + Math.random() * (high - low)
const some = (daemons, n) => [...daemons.all].sort(() => Math.random() - 0.5).slice(0, n)
const majority = daemons => some(daemons, Math.floor(daemons.n / 2) + 1)

/** kill -9, and started again after a while. */
async function kill(daemons, nodes) {
  await Promise.all(nodes.map(i => daemons.kill(i)))
  await sleep(between(200, 2_000))
  await Promise.all(nodes.map(i => daemons.start(i)))
}

/** SIGSTOP for 0.2 s up to `longestMs`; most are short. */
async function stop(daemons, nodes, longestMs) {
  for (const i of nodes) daemons.signal(i, 'SIGSTOP')
  await sleep(200 + (longestMs - 200) * Math.random() ** 2)
  for (const i of nodes) daemons.signal(i, 'SIGCONT')
}

/** Killed a second time while it starts. */
async function killTwice(daemons, i) {
  await daemons.kill(i)
  const started = daemons.start(i).catch(() => undefined)
  await sleep(between(50, 500))
  await daemons.kill(i)
  await started
  await daemons.start(i)
}

/** As an operator does it for a new release: one after the other, politely. */
async function rollingRestart(daemons) {
  for (const i of daemons.all) {
    await daemons.end(i)
    await daemons.start(i)
  }
}

/** On and off, so that time-outs are met again and again. */
async function flicker(daemons, i) {
  for (let turn = 0; turn < 8; turn++) {
    await stop(daemons, [i], 400)
    await sleep(between(20, 200))
  }
}

export const FAULTS = {
  'kill-one': daemons => kill(daemons, some(daemons, 1)),
  'kill-primary': async daemons => kill(daemons, [await daemons.primary()]),
  'kill-majority': daemons => kill(daemons, majority(daemons)),
  'kill-all': daemons => kill(daemons, daemons.all),
  'stop-one': (daemons, longestMs) => stop(daemons, some(daemons, 1), longestMs),
  'stop-primary': async (daemons, longestMs) => stop(daemons, [await daemons.primary()], longestMs),
  'stop-majority': (daemons, longestMs) => stop(daemons, majority(daemons), longestMs),
  'kill-and-stop': async (daemons, longestMs) => {
    const primary = await daemons.primary()
    const other = (primary + 1) % daemons.n
    await Promise.all([kill(daemons, [primary]), stop(daemons, [other], longestMs)])
  },
  'kill-twice': daemons => killTwice(daemons, some(daemons, 1)[0]),
  'rolling-restart': daemons => rollingRestart(daemons),
  'stop-all': (daemons, longestMs) => stop(daemons, daemons.all, longestMs),
  'stop-flicker': async daemons => flicker(daemons, await daemons.primary()),
}

/** Those of a short round. */
export const QUICK = Object.keys(FAULTS).slice(0, 8)
