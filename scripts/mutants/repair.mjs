/** Bugs of repair (decision 0018): of damaged entries, and of those who promise in spite of them. */
export const REPAIR = [
  {
    name: 'votes-with-damage',
    p: '',
    why: 'a replica with damaged entries starts as if what lies before them were all of its log',
    by: ['repaired-as-written', 'promises-kept', 'acknowledged-not-lost'],
    file: 'vr/restart.ts',
    find: '    beginRepair(replica, replica.repair, effects)\n  } else if (replica.durableVsr.recovering) {',
    replace:
      '    replica.repair = undefined\n    return boot(replica, firstBoot)\n  } else if (replica.durableVsr.recovering) {',
  },
  {
    name: 'damaged-counts-as-without',
    p: '',
    why: 'one that cannot read an entry, or has not started, counts as one that never had it',
    by: ['repaired-as-written'],
    file: 'vr/repair.ts',
    find: '  else if (isNormal) noteWithout(',
    replace: '  else noteWithout(',
  },
  {
    name: 'one-without-is-enough',
    p: '',
    why: 'a damaged entry is given up because one other replica does not have it',
    by: ['repaired-as-written'],
    file: 'vr/repair.ts',
    find: 'if (repair.without.size < quorumOf(replica.configuration)) return',
    replace: 'if (repair.without.size < 1) return',
  },
  {
    name: 'repairs-by-op-number',
    p: '',
    why: 'whatever stands at the op is taken for what was damaged',
    by: ['repaired-as-written'],
    file: 'vr/repair.ts',
    find: 'if (entry.checksum !== checksum || entry.opNumber !== last',
    replace: 'if (entry.opNumber !== last',
  },
  {
    name: 'damaged-head-taken-for-torn',
    p: '',
    why: 'damaged entries at the end of the log are forgotten, as if the last write had been cut short',
    by: ['acknowledged-not-lost', 'promises-kept', 'durable-on-quorum', 'commit-immutable'],
    patches: [
      {
        file: 'sim/audit.ts',
        find: '  const damage = bad.length > 0',
        replace:
          '  let end = head\n  while (bad.at(-1) === end) { bad.pop(); end-- }\n  if (end < head) image.entries.length = Math.max(0, end + 1 - first)\n  const damage = bad.length > 0',
      },
      {
        file: 'sim/audit.ts',
        find: '{ head: opNumber(head), runs: runsOf(image, bad) }',
        replace: '{ head: opNumber(end), runs: runsOf(image, bad) }',
      },
    ],
  },
  {
    name: 'starts-with-runs-left',
    p: '',
    why: 'the log is read on when the first of several runs is repaired',
    by: ['repaired-as-written', 'damage-not-used'],
    file: 'vr/repair.ts',
    find: '  if (repair.runs.length > 0) tickRepair(replica, effects)\n  else readOn',
    replace: '  if (repair.runs.length > 1) tickRepair(replica, effects)\n  else readOn',
  },
  {
    name: 'gives-what-it-cannot-read',
    p: '',
    why: 'a repairing replica reads damaged entries of its own for another',
    by: ['damage-not-used', 'serves'],
    file: 'vr/repair.ts',
    find: '    if (run.first <= last) lowest = Math.max(lowest, run.last + 1)',
    replace: '    if (run.first <= last) lowest = Math.max(lowest, run.first)',
  },
  {
    name: 'repair-written-unsure',
    p: '',
    why: 'the replica starts before what it repaired is on disk',
    by: ['repaired-as-written'],
    file: 'vr/repair.ts',
    find: '  repair.underWay = write(replica, effects, { repair: entries })',
    replace:
      '  repair.underWay = write(replica, effects, { repair: entries })\n  onRepairWritten(replica, repair.underWay, effects)',
  },
]
