/**
 * The text of the file `peers`: {"format":2,"peers":[[peer id, incarnation, boot, nonce or null, promises], …]},
 * where the promises of shard i are [view, last normal view, op], or null. Nonce and promises are left out
 * where there are none. In format 1 there were no promises.
 */
import { utf8 } from '../base/bytes.ts'
import { digest } from '../base/hash.ts'
import { isObject } from '../base/json.ts'
import type { Promised } from '../wire/promised.ts'
import type { PeerSeen } from './port.ts'
import { Damage, UnknownFormat } from './refusal.ts'

const FORMAT = 2

export function encodePeersFile(seen: ReadonlyMap<string, PeerSeen>): string {
  const peers = [...seen].map(([peerId, { incarnation, boot, nonce, promised }]) => {
    const life = [peerId, incarnation, boot]
    if (promised !== undefined) return [...life, nonce ?? null, promised.map(promiseFrom)]
    return nonce === undefined ? life : [...life, nonce]
  })
  const line = JSON.stringify({ format: FORMAT, peers })
  return `${line}\n${digest(utf8(line))}\n`
}

const promiseFrom = (promised: Promised | undefined): number[] | null =>
  promised === undefined ? null : [promised.viewNumber, promised.lastNormalView, promised.opNumber]

/** Throws Damage and UnknownFormat. */
export function decodePeersFile(text: string): Map<string, PeerSeen> {
  const [line = '', check, end, ...more] = text.split('\n')
  if (end !== '' || more.length > 0 || digest(utf8(line)) !== check) {
    throw new Damage('it does not match its checksum')
  }
  const table = tableOf(line)
  const format = table['format']
  if (format !== 1 && format !== FORMAT) throw new UnknownFormat(Number(format))
  const rows = table['peers']
  if (!Array.isArray(rows)) throw new Damage('it is not a table of peers')
  return new Map(rows.map(rowOf))
}

function tableOf(line: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new Damage('it is not JSON')
  }
  if (!isObject(value)) throw new Damage('it is not a table of peers')
  return value
}

function rowOf(row: unknown): [string, PeerSeen] {
  const [peerId, incarnation, boot, nonce, promised]: unknown[] = Array.isArray(row) ? row : []
  const named = typeof peerId === 'string' && typeof incarnation === 'string'
  const once = nonce === undefined || nonce === null || typeof nonce === 'string'
  if (!named || !once) throw new Damage('one of its rows is not of a peer')
  const life = { incarnation, boot: countOf(boot), ...(typeof nonce === 'string' && { nonce }) }
  return [
    peerId,
    promised === undefined ? life : { ...life, promised: listOf(promised).map(promiseOf) },
  ]
}

function promiseOf(row: unknown): Promised | undefined {
  if (row === null) return undefined
  const [view, normal, op] = listOf(row)
  return { viewNumber: countOf(view), lastNormalView: countOf(normal), opNumber: countOf(op) }
}

function listOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Damage('one of its rows is not of a peer')
  return value
}

/** JSON has a zero with a sign, which equals the other and is another text. */
function countOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new Damage('one of its rows is not of a peer')
  }
  return value === 0 ? 0 : value
}
