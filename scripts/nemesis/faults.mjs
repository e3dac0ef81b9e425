/** What is done to the daemons. Each waits until the cluster is whole again. */
export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

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
}
