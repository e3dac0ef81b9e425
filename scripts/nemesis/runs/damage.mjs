/** N7, N8: the files of one node are damaged, old or gone when it starts again, under load. */
import {
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Cluster, PROGRAM } from '../cluster.mjs'
import { output } from '../system.mjs'
import { settle, times } from '../verdict.mjs'
import { Workload } from '../workload.mjs'

/** Exit code of a daemon that will not vote with what it finds (docs: exit codes). */
const REFUSED = 9

export const damage = {
  name: 'damage',
  needs: ['daemons'],
  about: 'bits of one node are flipped, files cut short; it repairs itself or refuses',
  run: options =>
    oneByOne(options, (cluster, victim, random, round) => {
      const files = storageFiles(cluster.dataDir(victim))
      if (round % 3 === 2) return cutShort(files, random)
      return flipBits(files, random, round % 3 === 0 ? 1e-4 : 1e-5)
    }),
}

export const oldData = {
  name: 'old-data',
  needs: ['daemons'],
  about: 'one node gets an old copy of its data, or none: it refuses, and recovers when told',
  async run(options) {
    const copies = new Map()
    return oneByOne(options, (cluster, victim, _random, round) => {
      const dir = cluster.dataDir(victim)
      const old = copies.get(victim)
      if (round % 2 === 1 || old === undefined) {
        cpSync(dir, `${dir}.old`, { recursive: true })
        copies.set(victim, `${dir}.old`)
        wipe(dir)
        return 'wiped'
      }
      rmSync(dir, { recursive: true })
      renameSync(old, dir)
      copies.delete(victim)
      return 'put back'
    })
  },
}

/** Kills one node, harms its files, starts it, lets it recover if it asks for that. */
async function oneByOne({ rounds, random }, harm) {
  const cluster = new Cluster({
    yaml: () => 'storage: { checkpointEvery: 200, keepLog: { ops: 400 } }',
  })
  const load = new Workload(cluster)
  let [harmless, repaired, recovered] = [0, 0, 0]
  const back = []
  try {
    await cluster.startAll()
    await cluster.untilWritable()
    load.start()
    for (let round = 0; round < rounds; round++) {
      await load.more(150)
      // The primary every other time.
      const primary = await cluster.primary()
      const victim = round % 2 === 0 ? primary : (primary + 1) % cluster.n
      await cluster.kill(victim)
      const before = readFileSync(cluster.logFile(victim), 'utf8').length
      await harm(cluster, victim, random, round)
      const began = performance.now()
      const how = await startAgain(cluster, victim)
      await cluster.untilWritable()
      back.push(performance.now() - began)
      const said = readFileSync(cluster.logFile(victim), 'utf8').slice(before)
      if (how === 'refused') recovered++
      else if (/votes for nothing until/.test(said)) repaired++
      else harmless++
      forgetLost(cluster.dataDir(victim))
    }
    const figures = await settle(cluster, load)
    return { rounds, ...figures, harmless, repaired, recovered, back: times(back) }
  } finally {
    load.stopping = true
    await cluster.stop()
  }
}

/** As its operator does when it is whole again: behind the fifth the node says that the disk should be looked at. */
function forgetLost(dir) {
  for (const name of readdirSync(dir)) {
    if (name.startsWith('lost-')) rmSync(join(dir, name), { recursive: true })
  }
}

async function startAgain(cluster, victim) {
  try {
    await cluster.start(victim)
    if (await staysUp(cluster, victim)) return 'started'
  } catch (error) {
    if (error.how !== REFUSED) throw error
  }
  const said = cluster.lastWords(victim)
  if (!/viewstamp recover/.test(said)) throw new Error(`it does not say what to run: ${said}`)
  const other = cluster.url((victim + 1) % cluster.n)
  output(PROGRAM, ['recover', '--data-dir', cluster.dataDir(victim), '-e', other])
  await cluster.start(victim)
  return 'refused'
}

/** Peers fence off what they have seen a later life of: soon after it is up. */
async function staysUp(cluster, victim) {
  const { exit } = cluster.nodes[victim]
  const settled = cluster.untilWritable().then(() => true)
  const ended = exit.then(how => {
    if (how !== REFUSED) throw new Error(`it ended (${how}): ${cluster.lastWords(victim)}`)
    return false
  })
  return Promise.race([ended, settled])
}

/** What LevelDB writes. A superblock that is gone as well is what old-data has. */
function storageFiles(dir) {
  const db = join(dir, 'db')
  return readdirSync(db)
    .map(file => join(db, file))
    .filter(file => statSync(file).size > 0)
}

function flipBits(files, random, share) {
  for (const file of files) {
    const bytes = readFileSync(file)
    // At least one, so that no round is without harm.
    const wanted = Math.max(1, Math.round(bytes.length * 8 * share))
    for (let k = 0; k < wanted; k++) {
      const bit = Math.floor(random() * bytes.length * 8)
      bytes[bit >> 3] ^= 1 << (bit & 7)
    }
    writeFileSync(file, bytes)
  }
}

function cutShort(files, random) {
  const logs = files.filter(file => file.endsWith('.log') || file.endsWith('.ldb'))
  const file = logs[Math.floor(random() * logs.length)]
  truncateSync(file, Math.floor(statSync(file).size * random()))
}

/** A lost disk: all but who it is. */
function wipe(dir) {
  for (const name of readdirSync(dir)) {
    if (!['identity.key', 'config.yaml'].includes(name))
      rmSync(join(dir, name), { recursive: true })
  }
}
