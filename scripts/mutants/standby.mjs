/** Bugs of standbys (src/vr/standby.ts). */
export const STANDBY = [
  {
    name: 'standby-takes-uncommitted',
    p: 'P09',
    why: 'a standby is given, and takes, what is not committed yet',
    by: ['standby-follows'],
    patches: [
      {
        file: 'vr/standby.ts',
        find: 'giveState(replica, to, follower, commitNumber, effects)',
        replace: 'giveState(replica, to, follower, opOf(replica), effects)',
      },
      {
        file: 'vr/standby.ts',
        find: 'e.opNumber > head && e.opNumber <= m.commitNumber',
        replace: 'e.opNumber > head',
      },
    ],
  },
  {
    name: 'standby-acknowledges',
    p: 'P09',
    why: 'a standby acknowledges what it has on disk',
    by: ['standby-follows'],
    patches: [
      {
        file: 'vr/standby.ts',
        find: 'write(replica, effects, { append: fresh })',
        replace:
          'write(replica, effects, { append: fresh, then: [prepareOk(replica, opOf(replica))] })',
      },
      {
        file: 'vr/standby.ts',
        find: "import { dropReads } from './reads.ts'",
        replace: "import { prepareOk } from './prepare.ts'\nimport { dropReads } from './reads.ts'",
      },
    ],
  },
  {
    name: 'standby-votes',
    p: 'P09',
    why: 'a standby that hears nothing votes to leave the view, as a backup does',
    by: ['standby-follows'],
    file: 'vr/timers.ts',
    find: '  else if (isStandby(replica)) tickStandby(replica, effects)\n',
    replace: '',
  },
  {
    name: 'follows-who-was-left-behind',
    p: '',
    why: 'a replica that hears of no primary goes on to tell standbys that it has all',
    by: ['standby-follows'],
    file: 'vr/standby.ts',
    find: 'return replica.clockMs - heardMs <= patienceMs',
    replace: 'return heardMs <= patienceMs || true',
  },
  {
    name: 'standby-state-of-another-op',
    p: '',
    why: 'a standby executes an entry twice',
    by: ['same-state', 'standby-follows'],
    file: 'vr/standby.ts',
    find: '    for (const entry of fresh) append(replica.log, entry)\n',
    replace:
      '    for (const entry of fresh) append(replica.log, entry)\n    for (const { operation } of first.commands) replica.service.execute(operation, { opNumber: first.opNumber, rev: first.revBefore + 1, timeMs: first.timeMs, session: "" }, [])\n',
  },
]
