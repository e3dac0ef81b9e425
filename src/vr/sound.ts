/**
 * What no correct member sends, told before a handler sees it: numbers from beyond any life of a cluster,
 * and logs that contradict themselves. A replica that took a view of 2^53 − 1 for real could never leave it,
 * and all others would follow. Members are trusted not to lie (docs/security.md); this is about bits that
 * flipped and bugs of another version: such a message counts as lost.
 */
import type { Entry } from './entry.ts'
import { lamportAfter, revAfter } from './entry.ts'
import { isLamport, isLamportTold } from './lamport.ts'
import { headOf } from './log.ts'
import type { DoViewChange, Message, NewState, StartView } from './message.ts'
import type { Replica } from './state.ts'

/** More views and ops than a cluster has while a replica is away: at 10 000 a second, three years. */
export const JUMP_MAX = 2 ** 40

export function isSound(replica: Replica, m: Message): boolean {
  const viewMax = replica.viewNumber + JUMP_MAX
  const opMax = headOf(replica.log) + JUMP_MAX
  switch (m.type) {
    case 'REQUEST':
      return isLamportTold(m.lamport)
    case 'READINDEX':
    case 'GETENTRIES':
    case 'NEWENTRIES':
    case 'GETCHECKPOINT':
    case 'NEWCHECKPOINT':
    case 'GETTEXTS':
    case 'NEWTEXTS':
      return true
    case 'REPLY':
      if (m.answer.type === 'executed' && !isLamportTold(m.answer.lamport)) return false
      return m.viewNumber <= viewMax
    case 'STARTVIEWCHANGE':
    case 'RECOVERY':
    case 'RECOVERYRESPONSE':
      return m.viewNumber <= viewMax
    case 'PREPARE':
      if (m.viewNumber > viewMax || m.commitNumber >= m.entry.opNumber) return false
      return m.entry.opNumber <= opMax && isEntrySound(m.entry, m.viewNumber)
    case 'COMMIT':
      return m.viewNumber <= viewMax && m.opNumber <= opMax && m.commitNumber <= m.opNumber
    case 'COMMITOK':
      return m.viewNumber <= viewMax && m.opNumber <= opMax && Number.isSafeInteger(m.wallMs)
    case 'PREPAREOK':
    case 'GETSTATE':
    case 'READINDEXOK':
      return m.viewNumber <= viewMax && m.opNumber <= opMax
    case 'DOVIEWCHANGE':
      if (m.lastNormalView >= m.viewNumber || !Number.isSafeInteger(m.wallMs)) return false
      return m.viewNumber <= viewMax && m.opNumber <= opMax && isSuffixSound(m)
    case 'STARTVIEW':
      return m.viewNumber <= viewMax && m.opNumber <= opMax && isSuffixSound(m)
    case 'NEWSTATE':
      return m.viewNumber <= viewMax && m.opNumber <= opMax && isNewStateSound(m)
  }
}

/** What it tells as committed when it was made lies before it. */
function isEntrySound(entry: Entry, view: number): boolean {
  if (!isLamport(lamportAfter(entry))) return false
  return entry.commitNumber < entry.opNumber && entry.viewNumber <= view
}

function isSuffixSound(m: DoViewChange | StartView): boolean {
  const { suffix, opNumber, commitNumber, parent, viewNumber } = m
  const first = suffix[0]
  const last = suffix[suffix.length - 1]
  if (commitNumber > opNumber) return false
  if (first === undefined || last === undefined) return true
  return last.opNumber === opNumber && first.parent === parent && isRun(suffix, viewNumber)
}

function isNewStateSound({ entries, opNumber, commitNumber, viewNumber }: NewState): boolean {
  const last = entries[entries.length - 1]
  if (commitNumber > opNumber || (last !== undefined && last.opNumber > opNumber)) return false
  return isRun(entries, viewNumber)
}

/** Dense and chained, of views up to this one. */
function isRun(entries: readonly Entry[], view: number): boolean {
  for (let i = 0; i < entries.length; i++) {
    const [a, b] = [entries[i - 1], entries[i]]
    if (b === undefined || !isEntrySound(b, view)) return false
    if (a === undefined) continue
    if (b.opNumber !== a.opNumber + 1 || b.parent !== a.checksum) return false
    if (b.lamport <= lamportAfter(a)) return false
    if (b.revBefore !== revAfter(a) || b.viewNumber < a.viewNumber) return false
  }
  return true
}
