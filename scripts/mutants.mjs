/**
 * Do the properties see anything? Each known bug is put back into the text of src/vr while it is
 * bundled (never into the files), and the simulator must catch it within some hundred seeds, or else a
 * golden trace.
 *
 *   npm run mutants [-- name …] [-- --seeds 400]
 *
 * Exit code: 0 all caught · 1 one was not.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadSimulator } from './bundle-sim.mjs'

const TRACES = 'test/traces'

const args = process.argv.slice(2)
const at = args.indexOf('--seeds')
const SEEDS = at < 0 ? 400 : Number(args[at + 1])
const wanted = args.filter((arg, i) => !arg.startsWith('--') && args[i - 1] !== '--seeds')

/** `find` is looked for in src/vr/<file>; finding nothing is an error. */
const MUTANTS = [
  {
    name: 'ack-before-disk',
    why: 'PREPAREOK leaves before its entry is on disk',
    file: 'normal.ts',
    find: /(append\(replica\.log, entry\)\n {4})write\(replica, effects, \{ append: \[entry\], then: \[(prepareOk\([^\]]*\))\] \}\)/,
    replace: '$1write(replica, effects, { append: [entry] }); effects.push($2)',
  },
  {
    name: 'self-ack-before-disk',
    why: 'the primary counts itself before its own disk has the entry',
    file: 'normal.ts',
    find: /( {2})write\(replica, effects, \{ append: \[entry\], then: \[(prepareOk\([^\]]*\))\] \}\)\n\}/,
    replace: '$1write(replica, effects, { append: [entry] }); effects.push($2)\n}',
  },
  {
    name: 'commit-quorum-too-small',
    why: 'f acknowledgements commit instead of f + 1',
    file: 'normal.ts',
    find: 'durable[quorumOf(replica.configuration) - 1]',
    replace: 'durable[Math.max(0, quorumOf(replica.configuration) - 2)]',
  },
  {
    name: 'view-change-quorum-too-small',
    why: 'a view starts with f DOVIEWCHANGEs',
    file: 'view-change.ts',
    find: 'change.received.size < quorumOf(replica.configuration)',
    replace: 'change.received.size < Math.max(1, quorumOf(replica.configuration) - 1)',
  },
  {
    name: 'longest-log-wins',
    why: 'the new primary takes the longest log, whatever view it is of',
    file: 'view-change.ts',
    find: /m\.lastNormalView > best\.lastNormalView \|\|\s*\(m\.lastNormalView === best\.lastNormalView && m\.opNumber > best\.opNumber\)/,
    replace: 'm.opNumber > best.opNumber',
  },
  {
    name: 'shortest-log-wins',
    why: 'of the logs of the latest normal view the shortest is taken',
    file: 'view-change.ts',
    find: 'm.opNumber > best.opNumber',
    replace: 'm.opNumber < best.opNumber',
  },
  {
    name: 'primary-resumes-its-view',
    why: 'a restarted primary goes on in the same view',
    file: 'restart.ts',
    find: 'currentPrimary(replica) === replica.replicaNumber && !started',
    replace: 'false',
  },
  {
    name: 'view-not-durable',
    why: 'DOVIEWCHANGE leaves without its view being on disk',
    file: 'view-change.ts',
    find: /write\(replica, effects, \{ vsr: vsrOf\(replica\), then: \[doViewChange\(replica\)\] \}\)/,
    replace: 'effects.push(doViewChange(replica))',
  },
  {
    name: 'stays-in-view',
    why: 'committed entries of a later view are taken over by an acting primary of an old one',
    file: 'state-transfer.ts',
    find: 'if (w <= replica.viewNumber) return',
    replace: 'if (w >= 0) return',
  },
  {
    name: 'truncates-before-transfer',
    why: 'state transfer cuts the log to the commit-number before the new state is there (the paper)',
    file: 'state-transfer.ts',
    find: '  const { transfer } = replica\n  if (transfer && (view',
    replace:
      '  const { transfer } = replica\n  if (view > replica.viewNumber && opOf(replica) > replica.commitNumber) { truncateFrom(replica.log, opNumber(replica.commitNumber + 1)); write(replica, effects, { truncateFrom: opNumber(replica.commitNumber + 1) }) }\n  if (transfer && (view',
  },
  {
    name: 'acks-of-two-views-add-up',
    why: 'PREPAREOKs of another view are counted',
    file: 'normal.ts',
    find: /(m: PrepareOk,\n {2}effects: Effect\[\],\n\): void \{\n {2}if \(!isPrimary\(replica\)) \|\| m\.viewNumber !== replica\.viewNumber\)/,
    replace: '$1)',
  },
  {
    name: 'executes-repeats',
    why: 'a repeat in the log is executed again',
    file: 'execute.ts',
    find: 'if (known) return known',
    replace: '',
  },
  {
    name: 'session-unknown-to-old-primary',
    why: 'the primary of a view that has ended tells a client that its session is gone',
    file: 'normal.ts',
    find: 'if (known && !isUnknown)',
    replace: 'if (known)',
  },
  {
    name: 'reads-unconfirmed',
    why: 'a primary answers reads without asking whether it still is one',
    file: 'reads.ts',
    find: 'return seen[others - 1] ?? 0',
    replace: 'return reads.probe',
  },
  {
    name: 'reads-before-view-start',
    why: 'a new primary answers reads before what it inherited is committed',
    file: 'reads.ts',
    find: 'Math.max(replica.knownCommit, replica.primary.viewStartOp)',
    replace: 'replica.knownCommit',
  },
  {
    name: 'results-not-in-checkpoint',
    why: 'the client-table comes back from a checkpoint without its results',
    file: 'client-table.ts',
    find: 'of rows)',
    replace: 'of rows.slice(0, 0))',
  },
  {
    name: 'pipeline-unbounded',
    why: 'more than the pipeline may be uncommitted',
    file: 'normal.ts',
    find: 'opOf(replica) - replica.commitNumber >= options.pipelineMax',
    replace: 'false',
  },
]

// All are bundled before any is tried, so that they are mutants of one text.
const chosen = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
const sound = await bundle([])
const mutants = []
for (const mutant of chosen) {
  const { file, find, replace } = mutant
  mutants.push({ ...mutant, ...(await bundle([{ file: `vr/${file}`, find, replace }])) })
}

let missed = 0
const width = Math.max(...chosen.map(({ name }) => name.length))
for (const { name, why, simulate, play } of mutants) {
  const how = huntSeeds(simulate) ?? playTraces(play)
  if (how === undefined) missed++
  const told = how ?? `NOT CAUGHT in ${SEEDS} seeds`
  console.log(`${name.padEnd(width)}  ${told.padEnd(36)}  ${why}`)
}
console.log(missed === 0 ? 'every mutant was caught' : `${missed} mutants were not caught`)
process.exitCode = missed === 0 ? 0 : 1

async function bundle(patches) {
  const { simulate } = await loadSimulator(patches)
  const { play } = await loadSimulator(patches, 'src/sim/interaction.ts')
  return { simulate, play }
}

/** By a property, and the sound code passes that seed. A crash of the code is no catch. */
function huntSeeds(simulate) {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { failure } = simulate(seed)
    if (failure === undefined || failure.property === 'crash') continue
    const without = sound.simulate(seed).failure
    if (without) throw new Error(`seed ${seed} fails without any mutant: ${without.message}`)
    return `seed ${String(seed).padStart(3)}  ${failure.property}`
  }
  return undefined
}

/** What needs a rare meeting of messages is caught by the scene made for it. */
function playTraces(play) {
  for (const name of readdirSync(TRACES)) {
    if (!name.endsWith('.trace')) continue
    const scene = readFileSync(join(TRACES, name), 'utf8')
    if (play(scene) !== sound.play(scene)) return `trace ${name.replace('.trace', '')}`
  }
  return undefined
}
