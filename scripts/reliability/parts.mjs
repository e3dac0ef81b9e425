/**
 * The parts of the long run, in their order. `rows`: id → what is measured, and what is wanted of it. `run` gives
 * id → { figure, reached }, or { skipped: why } for what this machine cannot do.
 */
import { runScript } from './command.mjs'
import { failoverGap } from './failover.mjs'
import { oneDown } from './one-down.mjs'
import {
  readExplore,
  readKills,
  readMutants,
  readNemesis,
  readSim,
  readSimSpeed,
  readSoak,
  worstMs,
} from './readers.mjs'
import { staleReads } from './stale-reads.mjs'

const JOBS = 2
const HOUR_MS = 3_600_000
const script = (name, ...words) =>
  runScript([`scripts/${name}.mjs`, ...words], { limitMs: HOUR_MS })
const sim = (...words) => script('sim', ...words, '--jobs', String(JOBS))

/** One run of npm run nemesis; `rowsOf`: its figures as rows. */
const nemesis = (name, rows, { long, quick, rowsOf }) => ({
  name,
  rows,
  async run({ isQuick }) {
    const result = await script('nemesis/main', name, ...(isQuick ? quick : long))
    const read = readNemesis(result, name)
    const same = cells => Object.fromEntries(Object.keys(rows).map(id => [id, cells]))
    if (read.word === 'skip') return same({ skipped: read.why })
    if (read.word === 'FAIL') return same({ figure: read.why, reached: false })
    return rowsOf?.(read) ?? same({ figure: read.text, reached: result.code === 0 })
  },
})

/** A run whose faults are healed again and again: the rows of it and of what follows. */
const healing = (name, what, wanted, { ids, long, quick }) => {
  const [answered, same] = ids
  const rows = {
    [name]: [what, wanted],
    [answered]: [`${name}: healed → a write through every node`, '≤ 5 s'],
    [same]: [`${name}: healed, load ended → all state hashes equal`, '≤ 15 s'],
  }
  const rowsOf = ({ text, figures }) => {
    const [healed, agreed] = [figures.get('healed'), figures.get('agreed')]
    return {
      [name]: { figure: text, reached: true },
      [answered]: { figure: `median/longest ${healed}`, reached: worstMs(healed) <= 5_000 },
      [same]: { figure: agreed ?? '', reached: worstMs(agreed) <= 15_000 },
    }
  }
  return nemesis(name, rows, { long, quick, rowsOf })
}

const kills = (name, what, { nodes, seconds, quick, faults }) => ({
  name,
  rows: {
    [name]: [what, 'every history linearizable, all nodes the same at the end'],
    [`${name}-pace`]: [`${what}: acknowledged operations, faults and all`, '≥ 5 000 a minute'],
  },
  async run({ isQuick, basePort }) {
    const length = isQuick ? 10 : seconds
    const words = ['-n', String(nodes), '--seconds', String(length)]
    const chosen = isQuick ? quick : faults
    if (chosen !== undefined) words.push('--fault', chosen)
    if (basePort !== undefined) words.push('--base-port', String(basePort))
    const result = await script('nemesis/kills', ...words)
    const { verdict, pace } = readKills(result, { seconds: length })
    return { [name]: verdict, [`${name}-pace`]: pace }
  },
})

/** A measurement with one row. */
const measure = (name, what, wanted, run) => ({
  name,
  rows: { [name]: [what, wanted] },
  run: async options => ({ [name]: await run(options) }),
})

const SIMULATED = [
  {
    name: 'sim-lite',
    rows: {
      'sim-lite': ['simulator, lite seeds', '2 000 seeds, 0 failures'],
      'sim-speed': ['the same: events a second and core, all properties on', '≥ 40 000'],
    },
    async run({ isQuick }) {
      const result = await sim('--seeds', isQuick ? '60' : '2000')
      const speed = readSimSpeed(result, { jobs: JOBS, least: 40_000 })
      return { 'sim-lite': readSim(result), 'sim-speed': speed }
    },
  },
  measure('sim-full', 'simulator, full seeds', '250 seeds, 0 failures', async ({ isQuick }) =>
    readSim(await sim('--full', '--seeds', isQuick ? '4' : '250')),
  ),
  measure(
    'explore',
    'every order of events of three replicas, breadth-first',
    '≥ 1 000 000 states, no violation',
    async ({ isQuick }) => {
      const least = isQuick ? 20_000 : 1_500_000
      return readExplore(await script('explore', '--states', String(least)), { least })
    },
  ),
  measure(
    'mutants',
    'known bugs put back, by the seeds that catch them',
    'all caught',
    async options =>
      readMutants(
        await script(
          'mutants',
          '--replay',
          ...(options.isQuick ? ['ack-before-disk', 'commit-quorum-too-small'] : []),
        ),
      ),
  ),
]

const NOTHING_LOST = '0 lost, no untrue answer'

const BROKEN = [
  nemesis(
    'power-cuts',
    {
      'power-cuts': [
        'power of all three nodes cut at once',
        '50 cuts, 0 lost, each up within 10 s',
      ],
    },
    { long: ['--cuts', '50'], quick: ['--cuts', '2'] },
  ),
  nemesis(
    'power-cuts-unsynced',
    { 'power-cuts-unsynced': ['control: a build that does not sync', 'must lose writes'] },
    { long: [], quick: [] },
  ),
  healing('partitions', 'packets dropped between nodes, in eight ways', NOTHING_LOST, {
    ids: ['heal-answered', 'heal-same'],
    ...{ long: ['--rounds', '24'], quick: ['--rounds', '1'] },
  }),
  healing('proxy', 'bytes late, changed, swallowed, held, cut off and throttled', NOTHING_LOST, {
    ids: ['proxy-answered', 'proxy-same'],
    ...{ long: ['--rounds', '24'], quick: ['--rounds', '1'] },
  }),
  healing('slow-disk', 'disks slow, or hung for 5 s', NOTHING_LOST, {
    ids: ['slow-disk-answered', 'slow-disk-same'],
    ...{ long: ['--rounds', '16'], quick: ['--rounds', '1'] },
  }),
  nemesis(
    'disk-full',
    { 'disk-full': ['the disk of one node runs full', 'it ends, 0 lost, comes back with room'] },
    { long: [], quick: [] },
  ),
  nemesis(
    'disk-reserve',
    { 'disk-reserve': ['all disks below the reserve', 'writes refused, taken again with room'] },
    { long: [], quick: [] },
  ),
  nemesis(
    'damage',
    { damage: ['bits flipped, files cut short on one node', '0 lost, no wrong answer'] },
    { long: ['--rounds', '20'], quick: ['--rounds', '1'] },
  ),
  nemesis(
    'old-data',
    { 'old-data': ['disk of one node wiped or put back', 'refused, then recovered, 0 lost'] },
    { long: ['--rounds', '20'], quick: ['--rounds', '1'] },
  ),
  nemesis(
    'feeds',
    {
      feeds: [
        'feeds and groups while primaries are killed, stopped and restarted',
        'nothing lost, doubled, moved or skipped; the same bytes everywhere',
      ],
    },
    { long: ['--seconds', '300'], quick: ['--seconds', '10'] },
  ),
  kills('kills', 'three nodes killed and stopped, twelve kinds of fault', {
    ...{ nodes: 3, seconds: 60, quick: 'kill-primary' },
  }),
  kills('kills-5', 'five nodes killed and stopped', {
    ...{ nodes: 5, seconds: 200, quick: 'kill-and-stop' },
    faults: 'kill-primary,kill-majority,kill-and-stop',
  }),
]

const MEASURED = [
  measure(
    'failover',
    'kill -9 of the primary → first acknowledged write',
    'median ≤ 1 s, longest ≤ 3 s',
    failoverGap,
  ),
  measure('one-down', 'one backup down for 60 s', '≥ 90 % of the throughput, p99 ≤ 2 ×', oneDown),
  measure(
    'stale-reads',
    'primary stopped for 10 s, then read through',
    '0 stale reads',
    staleReads,
  ),
  {
    name: 'overload',
    rows: {
      'overload-0.5': ['half of the peak offered, without waiting', '≥ 80 % done, no view change'],
      'overload-2': [
        '2 × the peak',
        '≥ 80 % of the peak done, no view change, p99 ≤ 2 s, refusals ≤ 50 ms',
      ],
      'overload-10': [
        '10 × the peak',
        '≥ 80 % of the peak done, no view change, p99 ≤ 2 s, refusals ≤ 50 ms',
      ],
      'slow-consumer': [
        'a subscriber that reads nothing',
        'all events in the end, or where to go on',
      ],
      'come-and-go': ['subscriptions, sessions, connections come and go', 'nothing stays'],
    },
    async run({ isQuick, basePort }) {
      const words = ['--minutes', isQuick ? '0.3' : '5']
      if (basePort !== undefined) words.push('--base-port', String(basePort))
      const result = await script('soak', ...words)
      const factor = n =>
        readSoak(result, { line: `${n} × peak`, faults: new RegExp(`^${n} × peak`) })
      return {
        'overload-0.5': factor(0.5),
        'overload-2': factor(2),
        'overload-10': factor(10),
        'slow-consumer': readSoak(result, { line: 'slow consumer', faults: /^slow consumer/ }),
        'come-and-go': readSoak(result, { line: 'come and gone', faults: /stay/ }),
      }
    },
  },
]

export const PARTS = [...SIMULATED, ...BROKEN, ...MEASURED]
