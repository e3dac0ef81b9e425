/**
 * Checkpoints and log truncation, VRR §5.1, and the transfer of a checkpoint to a replica that was away
 * longer than the log is kept, §5.2. A checkpoint is taken at the same op by every replica: where is a
 * function of the log. Its records go to disk behind the log; the log is cut only afterwards.
 */
import { present } from '../base/assert.ts'
import { utf8 } from '../base/bytes.ts'
import { digest } from '../base/hash.ts'
import { noteOwnState } from './agreement.ts'
import type { ClientTable } from './client-table.ts'
import { clientTableHash, loadSession, sessionRecords, takeDirtySessions } from './client-table.ts'
import type { Effect } from './effect.ts'
import type { Entry } from './entry.ts'
import { learnCommit } from './execute.ts'
import { checksumAt, headOf, markOf, suffixFrom } from './log.ts'
import type { CheckpointId, GetCheckpoint, NewCheckpoint } from './message.ts'
import type { Service, ServiceRecord } from './service.ts'
import type { Replica } from './state.ts'
import { cutFrom, opOf, write } from './state.ts'
import { ask } from './state-transfer.ts'
import type { OpNumber, ReplicaNumber } from './terms.ts'
import { opNumber } from './terms.ts'
import { asInstalled, lackingOf } from './texts.ts'

/** Without traffic for this many resends a checkpoint is no longer kept for whoever was fetching it. */
const KEEP_FETCHED = 100
const KEPT_MAX = 3

/** After executing an entry: a checkpoint, if enough operations (and log time) have passed. */
export function maybeCheckpoint(replica: Replica, entry: Entry, effects: Effect[]): void {
  const { checkpoint, options } = replica
  const mark = markOf(entry)
  const operations = mark.rev - checkpoint.rev
  const early = mark.timeMs - checkpoint.timeMs < options.checkpointIntervalMs
  const every = early ? 20 * options.checkpointEvery : options.checkpointEvery
  // Asked after each entry, whatever else holds: then all replicas are told the same.
  const isFull = replica.service.coldBytes() >= options.checkpointColdBytes
  if (operations < every && !isFull) return
  const records = takeDirty(replica)
  const id: CheckpointId = { ...mark, stateHash: stateHash(replica) }
  keep(replica, id)
  replica.checkpoint = id
  noteOwnState(replica, id)
  replica.marks.push(id)
  const made = records.filter(({ cold }) => cold?.text !== undefined)
  const ids = made.map(record => record.id.slice(1))
  if (ids.length > 0) replica.unsettled.push({ opNumber: id.opNumber, ids })
  effects.push({ type: 'checkpoint', id, records })
}

/** Sessions and service records share one space of ids: «t» for the client-table, «s» for the service. */
function takeDirty(replica: Replica): ServiceRecord[] {
  const sessions = takeDirtySessions(replica.clientTable)
  const records: ServiceRecord[] = sessions.map(r => ({ id: `t${r.id}`, value: r.value }))
  for (const r of replica.service.takeDirty()) records.push({ ...r, id: `s${r.id}` })
  return records
}

/** The state at this op, client-table included. Call after takeDirty. */
export function stateHash(state: {
  readonly clientTable: ClientTable
  readonly service: Pick<Service, 'stateHash'>
}): string {
  return digest(utf8(`${clientTableHash(state.clientTable)} ${state.service.stateHash()}`))
}

/** Keeps a view of the state for peers; cheap, because the service shares what does not change. */
export function keep(replica: Replica, id: CheckpointId): void {
  const { kept } = replica
  kept.push({
    id,
    sessions: sessionRecords(replica.clientTable),
    snapshot: replica.service.freeze(),
    lastAskedMs: Number.NEGATIVE_INFINITY,
  })
  const stale = replica.clockMs - KEEP_FETCHED * replica.options.resendMs
  const fetched = kept.slice(0, -1).filter(k => k.lastAskedMs >= stale)
  // Those fetched for the longest stay: else no fetch that takes a few checkpoints' time would ever end.
  kept.splice(0, kept.length - 1, ...fetched.slice(0, KEPT_MAX - 1))
}

/** The checkpoint is on disk: the log behind it may go, as far as it need not be kept. */
export function onCheckpointed(replica: Replica, op: OpNumber, effects: Effect[]): void {
  if (op <= replica.durableCheckpoint) return
  replica.durableCheckpoint = op
  settle(replica, op)
  effects.push({ type: 'event', event: { type: 'checkpoint', opNumber: op } })
  const { keepLogOperations, keepLogMs } = replica.options
  const { marks, checkpoint } = replica
  let below = 0
  for (const mark of marks) {
    if (mark.opNumber > op) break
    const far = checkpoint.rev - mark.rev >= keepLogOperations
    const old = checkpoint.timeMs - mark.timeMs >= keepLogMs
    if (far || old) below = mark.opNumber + 1
  }
  if (below <= replica.firstOp) return
  replica.firstOp = opNumber(below)
  // The first is the place before the first entry, as after a restart: what its rev is follows from it.
  marks.splice(0, marks.length, ...marks.filter(mark => mark.opNumber >= below - 1))
  effects.push({ type: 'trim', below: opNumber(below) })
}

/** The texts of cold records up to this checkpoint are on disk, and leave memory. */
function settle({ unsettled, service }: Replica, op: OpNumber): void {
  const durable = unsettled.filter(each => each.opNumber <= op)
  unsettled.splice(0, durable.length)
  for (const { ids } of durable) service.settle(ids)
}

/** A peer told us that its log no longer reaches down to us: fetch its checkpoint. */
export function onCheckpointOffer(replica: Replica, id: CheckpointId, effects: Effect[]): void {
  if (id.opNumber <= replica.commitNumber) return
  const transfer = present(replica.transfer, 'a transfer is under way')
  replica.transfer = {
    ...transfer,
    fetch: { id, records: [], lacking: undefined, storing: undefined },
  }
  ask(replica, effects)
}

/** Served in any status: a checkpoint is committed. */
export function onGetCheckpoint(
  replica: Replica,
  from: ReplicaNumber,
  m: GetCheckpoint,
  effects: Effect[],
): void {
  const kept = replica.kept.find(k => k.id.opNumber === m.opNumber)
  let progress: NewCheckpoint['progress'] = kept ? 'last' : 'gone'
  const records: ServiceRecord[] = []
  if (kept) {
    kept.lastAskedMs = replica.clockMs
    let bytes = 0
    for (const r of recordsAfter(kept, m.after)) {
      if (bytes > replica.options.transferBytesMax) {
        progress = 'more'
        break
      }
      records.push(r)
      bytes += r.id.length + (r.value?.length ?? 0)
    }
  }
  const { nonce, opNumber } = m
  const message: NewCheckpoint = { type: 'NEWCHECKPOINT', nonce, opNumber, records, progress }
  effects.push({ type: 'send', to: from, message })
}

function* recordsAfter(
  kept: Replica['kept'][number],
  after: string | undefined,
): Generator<ServiceRecord> {
  if (after === undefined || after.startsWith('t')) {
    for (const r of kept.sessions) {
      if (after === undefined || `t${r.id}` > after) yield { id: `t${r.id}`, value: r.value }
    }
  }
  const inService = after?.startsWith('s') ? after.slice(1) : undefined
  for (const r of kept.snapshot.records(inService)) yield { id: `s${r.id}`, value: r.value }
}

export function onNewCheckpoint(replica: Replica, m: NewCheckpoint, effects: Effect[]): void {
  const { transfer } = replica
  if (!transfer?.fetch || transfer.nonce !== m.nonce) return
  if (transfer.fetch.id.opNumber !== m.opNumber || transfer.fetch.lacking) return
  if (m.progress === 'gone' || transfer.fetch.id.opNumber <= replica.commitNumber) {
    replica.transfer = { ...transfer, fetch: undefined }
  } else {
    for (const r of m.records) transfer.fetch.records.push(r)
    if (m.progress === 'last') transfer.fetch.lacking = lackingOf(replica, transfer.fetch.records)
  }
  goOn(replica, effects)
}

/** The next question; or the checkpoint is here, whole. */
export function goOn(replica: Replica, effects: Effect[]): void {
  const { transfer } = replica
  if (transfer?.fetch?.lacking?.length === 0) {
    replica.transfer = { ...transfer, fetch: undefined }
    install(replica, transfer.fetch.id, transfer.fetch.records, effects)
  }
  ask(replica, effects)
}

/**
 * The checkpoint replaces state and log up to its op, in one atomic write. The view does not change:
 * what is committed is final. Our entries behind it stay if they continue it.
 */
function install(
  replica: Replica,
  id: CheckpointId,
  records: readonly ServiceRecord[],
  effects: Effect[],
): void {
  const { log } = replica
  const continues = checksumAt(log, id.opNumber) === id.checksum
  const rest = continues ? suffixFrom(log, id.opNumber + 1) : []
  const cut = !continues && headOf(log) > id.opNumber ? opNumber(id.opNumber + 1) : undefined
  log.base = id
  log.entries = [...rest]
  log.bytes = rest.reduce((sum, entry) => sum + entry.bytes.length, 0)
  loadState(replica, records)
  if (stateHash(replica) !== id.stateHash) {
    throw new Error(`checkpoint ${id.opNumber} from a peer does not hash to what it claims`)
  }
  replica.commitNumber = id.opNumber
  learnCommit(replica, id.opNumber)
  replica.checkpoint = id
  noteOwnState(replica, id)
  replica.durableCheckpoint = id.opNumber
  replica.marks.splice(0, replica.marks.length, id)
  replica.firstOp = opNumber(id.opNumber + 1)
  keep(replica, id)
  replica.unsettled.length = 0
  const order = { append: [], install: { ...id, records: asInstalled(replica, records) } }
  write(replica, effects, cut === undefined ? order : { ...order, ...cutFrom(replica, cut) })
  effects.push({ type: 'event', event: { type: 'checkpoint', opNumber: opOf(replica) } })
}

/** State and client-table become exactly these records. */
function loadState(replica: Replica, records: Iterable<ServiceRecord>): void {
  const { clientTable, service } = replica
  clientTable.sessions.clear()
  clientTable.byName.clear()
  clientTable.digests.clear()
  clientTable.dirty.clear()
  clientTable.nextExpiry = Number.POSITIVE_INFINITY
  service.clear()
  loadRecords(replica, records)
}

export function loadRecords(replica: Replica, records: Iterable<ServiceRecord>): void {
  const { clientTable, service } = replica
  for (const r of records) {
    const inner = { id: r.id.slice(1), value: r.value }
    if (r.id.startsWith('t')) loadSession(clientTable, inner)
    else service.load(inner)
  }
}
