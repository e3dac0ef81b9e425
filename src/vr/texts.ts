/**
 * The texts of cold records (cold.ts) on their way to a replica that fetches a checkpoint, §5.2. It has all
 * records first, and knows by their references which texts it lacks: what it settled itself, and what it
 * fetched before, it does not ask for again. One question at a time, its answer on disk before the next: so
 * neither side holds more than one answer in memory.
 *
 * Who is asked answers what it has, in any status: references speak for the texts. On its disk is what its
 * last durable checkpoint refers to, and for some time what earlier ones did. What it has no longer it has a
 * newer checkpoint without: then the fetch begins anew with that, and loses nothing that was written.
 */
import { goOn } from './checkpoint.ts'
import { coldBytes, isColdText } from './cold.ts'
import type { Effect } from './effect.ts'
import type { ColdText, GetTexts, NewTexts } from './message.ts'
import type { ServiceRecord } from './service.ts'
import type { Replica, TextLoad } from './state.ts'
import { write } from './state.ts'
import type { ReplicaNumber } from './terms.ts'

/** Ids in one question. */
const IDS_MAX = 1024
/** Questions waiting for the disk; more are dropped and asked again. */
const LOADS_MAX = 4

const isCold = ({ service }: Replica, { id, value }: ServiceRecord): boolean =>
  value !== undefined && id.startsWith('s') && service.isCold(id.slice(1))

/** The cold ones among the records of a checkpoint whose texts are not on our disk. */
export function lackingOf(replica: Replica, records: readonly ServiceRecord[]): ServiceRecord[] {
  return records.filter(record => isCold(replica, record) && !isHeld(replica, record))
}

/** In a durable checkpoint of ours, or fetched. What our own later ops removed is in no later checkpoint. */
function isHeld({ service, fetchedTexts }: Replica, { id, value }: ServiceRecord): boolean {
  if (fetchedTexts.get(id) === value) return true
  const inner = id.slice(1)
  return service.coldReference(inner) === value && service.coldText(inner) === undefined
}

/** As many as one answer may hold, and at least one. */
export function textsToAsk(replica: Replica, lacking: readonly ServiceRecord[]): string[] {
  const ids: string[] = []
  let bytes = 0
  for (const { id, value = '' } of lacking) {
    bytes += coldBytes(value)
    if (ids.length > 0 && bytes > replica.options.transferBytesMax) break
    if (ids.length === IDS_MAX) break
    ids.push(id)
  }
  return ids
}

/** ⟨GETTEXTS n, ids⟩ */
export function onGetTexts(
  replica: Replica,
  to: ReplicaNumber,
  { nonce, opNumber, ids }: GetTexts,
  effects: Effect[],
): void {
  const { service } = replica
  const kept = replica.kept.find(each => each.id.opNumber === opNumber)
  if (kept) kept.lastAskedMs = replica.clockMs
  const texts: ColdText[] = []
  const records: ServiceRecord[] = []
  let bytes = 0
  for (const id of ids) {
    const inner = id.slice(1)
    // What is removed by now is on disk as long as the last durable checkpoint has it.
    const value = kept?.snapshot.coldReference(inner) ?? service.coldReference(inner)
    const text = value === service.coldReference(inner) ? service.coldText(inner) : undefined
    bytes += coldBytes(value ?? '')
    if (texts.length + records.length > 0 && bytes > replica.options.transferBytesMax) break
    if (text !== undefined) texts.push({ id, text })
    else if (value !== undefined) records.push({ id, value })
  }
  const load = { to, nonce, opNumber, texts }
  if (records.length === 0) return answer(load, [], effects)
  if (replica.textLoads.size >= LOADS_MAX) return
  const token = replica.nextToken++
  replica.textLoads.set(token, load)
  effects.push({ type: 'load-texts', token, records })
}

export function onTextsLoaded(
  replica: Replica,
  token: number,
  texts: readonly ColdText[],
  effects: Effect[],
): void {
  const load = replica.textLoads.get(token)
  replica.textLoads.delete(token)
  if (load) answer(load, texts, effects)
}

function answer(load: TextLoad, loaded: readonly ColdText[], effects: Effect[]): void {
  const { to, nonce, opNumber, texts } = load
  const message: NewTexts = { type: 'NEWTEXTS', nonce, opNumber, texts: [...texts, ...loaded] }
  effects.push({ type: 'send', to, message })
}

/** ⟨NEWTEXTS n, texts⟩: what is what its reference says goes to disk; nothing of it: the fetch begins anew. */
export function onNewTexts(replica: Replica, m: NewTexts, effects: Effect[]): void {
  const { transfer } = replica
  const fetch = transfer?.fetch
  if (!fetch?.lacking || transfer?.nonce !== m.nonce || fetch.id.opNumber !== m.opNumber) return
  if (fetch.storing !== undefined) return
  const told = new Map(m.texts.map(({ id, text }) => [id, text]))
  const [got, lacking]: [ServiceRecord[], ServiceRecord[]] = [[], []]
  for (const record of fetch.lacking.slice(0, IDS_MAX)) {
    const text = told.get(record.id)
    if (text === undefined || !isColdText(record.value ?? '', text)) lacking.push(record)
    else got.push({ ...record, cold: { text } })
  }
  if (got.length === 0 || fetch.id.opNumber <= replica.commitNumber) {
    replica.transfer = { ...transfer, fetch: undefined }
    return goOn(replica, effects)
  }
  for (const { id, value = '' } of got) replica.fetchedTexts.set(id, value)
  fetch.lacking = lacking.concat(fetch.lacking.slice(IDS_MAX))
  fetch.storing = write(replica, effects, { texts: got })
}

/** What was fetched is on disk: the next. */
export function onTextsWritten(replica: Replica, token: number, effects: Effect[]): void {
  const fetch = replica.transfer?.fetch
  if (fetch?.storing === undefined || fetch.storing > token) return
  fetch.storing = undefined
  if (fetch.id.opNumber <= replica.commitNumber && replica.transfer) {
    replica.transfer = { ...replica.transfer, fetch: undefined }
  }
  goOn(replica, effects)
}

/** The state as it goes to disk: every text is there by now. */
export function asInstalled(replica: Replica, records: readonly ServiceRecord[]): ServiceRecord[] {
  replica.fetchedTexts.clear()
  return records.map(record => (isCold(replica, record) ? { ...record, cold: {} } : record))
}
