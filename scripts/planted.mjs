/**
 * Known bugs that tools of the simulator put back to show that they see something: the canary, the corpus,
 * the minimiser, the explorer. A patch changes the text of src/vr while it is bundled (bundle-sim.mjs),
 * never the files; `find` that finds nothing is an error. scripts/mutants.mjs measures the properties with
 * more of them; where a bug is in both, its name is the same.
 */
const PLANTED = {
  'commit-quorum-too-small': [
    {
      file: 'normal.ts',
      find: 'durable[quorumOf(replica.configuration) - 1]',
      replace: 'durable[Math.max(0, quorumOf(replica.configuration) - 2)]',
    },
  ],
  'view-change-quorum-too-small': [
    {
      file: 'view-change.ts',
      find: 'change.received.size < quorumOf(replica.configuration)',
      replace: 'change.received.size < Math.max(1, quorumOf(replica.configuration) - 1)',
    },
  ],
  'longest-log-wins': [
    {
      file: 'view-change.ts',
      find: /m\.lastNormalView > best\.lastNormalView \|\|\s*\(m\.lastNormalView === best\.lastNormalView && m\.opNumber > best\.opNumber\)/,
      replace: 'm.opNumber > best.opNumber',
    },
  ],
  'shortest-log-wins': [
    {
      file: 'view-change.ts',
      find: 'm.opNumber > best.opNumber',
      replace: 'm.opNumber < best.opNumber',
    },
  ],
  'ack-before-disk': [
    {
      file: 'normal.ts',
      find: /(append\(replica\.log, entry\)\n {4})write\(replica, effects, \{ append: \[entry\], then: \[(prepareOk\([^\]]*\))\] \}\)/,
      replace: '$1write(replica, effects, { append: [entry] }); effects.push($2)',
    },
  ],
  'view-not-durable': [
    {
      file: 'view-change.ts',
      find: /write\(replica, effects, \{ vsr: vsrOf\(replica\), then: \[doViewChange\(replica\)\] \}\)/,
      replace: 'effects.push(doViewChange(replica))',
    },
  ],
  'primary-resumes-its-view': [
    {
      file: 'restart.ts',
      find: 'currentPrimary(replica) === replica.replicaNumber && !started',
      replace: 'false',
    },
  ],
  /** Seeds 41, 412. */
  'stays-in-view': [
    {
      file: 'state-transfer.ts',
      find: 'if (w <= replica.viewNumber) return',
      replace: 'if (w >= 0) return',
    },
  ],
  /** Seeds 151, 431. */
  'session-unknown-to-old-primary': [
    { file: 'normal.ts', find: 'if (known && !isUnknown)', replace: 'if (known)' },
  ],
  /** Seeds 18, 482. */
  'answers-of-an-earlier-start': [
    { file: 'reads.ts', find: 'reads.first + reads.asked', replace: 'reads.asked' },
    { file: 'reads.ts', find: 'm.readNumber - reads.first', replace: 'm.readNumber' },
  ],
  /** Seeds 147, 507. */
  'late-registration-revives': [
    {
      file: 'client-table.ts',
      // The session's name without the op that opened it.
      find: /@\$\{now\.opNumber\}/,
      replace: '@0',
    },
  ],
  /** Seed 2416. */
  'tells-of-a-log-not-on-disk': [
    {
      file: 'timers.ts',
      find: / && replica\.durableOp === opOf\(replica\)/,
      replace: '',
    },
  ],
  'executes-repeats': [{ file: 'execute.ts', find: 'if (known) return known', replace: '' }],
  'reads-unconfirmed': [
    { file: 'reads.ts', find: 'return seen[others - 1] ?? 0', replace: 'return reads.probe' },
  ],
  'results-not-in-checkpoint': [
    { file: 'client-table.ts', find: 'of rows)', replace: 'of rows.slice(0, 0))' },
  ],
  /** §5.2 as the paper has it: cut to the commit-number and of the later view, before its log is there. */
  'transfer-of-the-paper': [
    { file: 'view-change.ts', find: 'function leaveRole(', replace: 'export function leaveRole(' },
    {
      file: 'state-transfer.ts',
      find: 'import { connects,',
      replace: 'import { leaveRole, connects,',
    },
    {
      file: 'state-transfer.ts',
      find: 'import { cutFrom, isClogged,',
      replace: 'import { cutFrom, vsrOf, isClogged,',
    },
    {
      file: 'state-transfer.ts',
      find: '  const { transfer } = replica\n  if (transfer && (view',
      replace: `  if (view > replica.viewNumber && replica.status === 'normal') {
    leaveRole(replica, effects)
    const from = opNumber(replica.commitNumber + 1)
    const cut = opOf(replica) >= from ? { truncateFrom: from } : {}
    if (cut.truncateFrom) truncateFrom(replica.log, from)
    replica.viewNumber = view
    replica.lastNormalView = view
    write(replica, effects, { ...cut, vsr: vsrOf(replica) })
  }
  const { transfer } = replica
  if (transfer && (view`,
    },
  ],
}

export const PLANTED_NAMES = Object.keys(PLANTED)

/** For loadSimulator; `undefined`: there is no such bug. */
export function patchesOf(name) {
  return PLANTED[name]?.map(patch => ({ ...patch, file: `vr/${patch.file}` }))
}
