/**
 * Changes that a mutant hunter would try and that do no harm, each with its argument: a guard that another one stands
 * behind, or a way that is only slower. They are not hunted, but must still find their text.
 */
export const HARMLESS = [
  {
    name: 'uncommitted-taken-across-views',
    p: '',
    why: 'uncommitted entries of a later view are taken over as committed',
    harmless: `an answer that is cut ends within its committed part ('cap'), so nothing else is in it`,
    file: 'vr/state-transfer.ts',
    find: 'const committed = m.entries.filter(entry => entry.opNumber <= m.commitNumber)',
    replace: 'const committed = m.entries',
  },
  {
    name: 'adopts-beside-its-commit',
    p: '',
    why: 'entries are taken over without looking whether they follow what is executed here',
    harmless: `what is committed continues what is executed, whoever tells it; only a peer that lies could bring another`,
    file: 'vr/state-transfer.ts',
    find: '  if (first.parent !== checksumAt(log, replica.commitNumber)) return false\n',
    replace: '',
  },
  {
    name: 'checkpoint-not-verified',
    p: '',
    why: 'a checkpoint from a peer is believed without its hash',
    harmless: `a peer's checkpoint hashes to what it claims unless a memory is damaged, which is not simulated`,
    file: 'vr/checkpoint.ts',
    find: 'if (stateHash(replica) !== id.stateHash) {\n    throw',
    replace: 'if (id.stateHash === undefined) {\n    throw',
  },
  {
    name: 'state-before-view-durable',
    p: '',
    why: 'a replica gives the log of its view away before that is on its disk',
    harmless: `NEWSTATE says what is true of the view, on the disk of its primary; it is no promise of who gives it`,
    file: 'vr/state-transfer.ts',
    find: '  if (!viewIsDurable(replica)) return\n  if (m.opNumber > opOf',
    replace: '  if (m.opNumber > opOf',
  },
  {
    name: 'asks-only-the-primary',
    p: 'P44',
    why: 'state transfer asks the one it began with, reachable or not',
    harmless: `slower only: the question is given up after twelve times, and begun anew with whoever is heard as primary`,
    file: 'vr/state-transfer.ts',
    find: 'if (isTried || replica.disconnected.has(transfer.from)) askAnother(replica)',
    replace: 'void isTried',
  },
  {
    name: 'laggard-never-gives-up',
    p: '',
    why: 'a primary-elect that lacks what is committed waits instead of giving up',
    harmless: `slower only: it votes to leave when the view has not started in time`,
    file: 'vr/view-change.ts',
    find: `if (!change.voted) voteToLeave(replica, 'we lag behind what is committed', effects)`,
    replace: '',
  },
  {
    name: 'part-of-the-uncommitted',
    p: '',
    why: 'a long NEWSTATE is cut within its uncommitted part',
    harmless: `slower only: who left for the view says so with DOVIEWCHANGE, and is answered with STARTVIEW, whole`,
    file: 'vr/state-transfer.ts',
    find: 'if (over && entry.opNumber <= replica.commitNumber) return',
    replace: 'if (over) return',
  },
  {
    name: 'install-lowers-commit',
    p: '',
    why: 'a checkpoint below what is executed here is installed',
    harmless: `nothing else raises the commit-number while a checkpoint is fetched: entering a view ends the transfer`,
    patches: [
      {
        file: 'vr/checkpoint.ts',
        find: '  if (id.opNumber <= replica.commitNumber) return\n',
        replace: '',
      },
      {
        file: 'vr/checkpoint.ts',
        find: `if (m.progress === 'gone' || transfer.fetch.id.opNumber <= replica.commitNumber) {`,
        replace: `if (m.progress === 'gone') {`,
      },
    ],
  },
]
