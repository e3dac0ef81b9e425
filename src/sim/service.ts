/**
 * The service that simulated clusters run: registers, lists to append to, counters, and values that
 * expire by log time. Small, so that its sequential meaning (`evaluate`) is also the model against
 * which histories are checked.
 *
 * Some clusters write down besides what was executed, in cold records (pages.ts).
 *
 *   put K V · cas K OLD NEW · get K · append K V · add K N · hold K V TTLMS
 */
import { text, utf8 } from '../base/bytes.ts'
import { coldBytes } from '../vr/cold.ts'
import type {
  ChangeRecord,
  ExecuteContext,
  Service,
  ServiceRecord,
  ServiceSnapshot,
} from '../vr/service.ts'
import type { PageOptions } from './options.ts'
import { isPage, Pages } from './pages.ts'

export interface Evaluated {
  readonly value: string | undefined
  readonly result: string
}

/** What one operation does to the value of its key. Total: nonsense is answered, not thrown. */
export function evaluate(value: string | undefined, operation: string): Evaluated {
  const [verb, , first = '', second = ''] = operation.split(' ')
  switch (verb) {
    case 'put':
      return { value: first, result: 'ok' }
    case 'get':
      return { value, result: value ?? '-' }
    case 'cas':
      return (value ?? '-') === first
        ? { value: second, result: 'swapped' }
        : { value, result: `is ${value ?? '-'}` }
    case 'append': {
      const list = value === undefined ? first : `${value},${first}`
      return { value: list, result: list }
    }
    case 'add': {
      const sum = String(Number(value ?? 0) + Number(first))
      return { value: sum, result: sum }
    }
    case 'hold':
      return { value: first, result: 'held' }
    default:
      return { value, result: '?' }
  }
}

export const keyOf = (operation: string): string => operation.split(' ')[1] ?? ''

interface Held {
  readonly key: string
  readonly untilMs: number
}

export class SimService implements Service {
  readonly #values = new Map<string, string>()
  readonly #dirty = new Set<string>()
  /** Keys that expire, kept as records of their own. */
  readonly #held = new Map<string, Held>()
  readonly #pages: Pages
  #sumA = 0
  #sumB = 0

  constructor(pages?: PageOptions) {
    this.#pages = new Pages(pages, (id, sign) => this.#count(id, sign))
  }

  execute(operation: Uint8Array, context: ExecuteContext, changes: ChangeRecord[]): Uint8Array {
    const line = text(operation)
    const key = keyOf(line)
    const before = this.#values.get(key)
    const { value, result } = evaluate(before, line)
    if (value !== before) {
      this.#set(key, value)
      changes.push({ key, value })
    }
    if (line.startsWith('hold ')) {
      const ttlMs = Number(line.split(' ')[3] ?? 0)
      this.#hold(key, context.timeMs + ttlMs)
    } else if (value !== before) {
      this.#hold(key, undefined)
    }
    this.#pages.add(line)
    return utf8(result)
  }

  advance(timeMs: number, _context: ExecuteContext, changes: ChangeRecord[]): void {
    for (const { key, untilMs } of [...this.#held.values()]) {
      if (untilMs > timeMs) continue
      this.#hold(key, undefined)
      this.#set(key, undefined)
      changes.push({ key, value: undefined })
    }
  }

  nextDeadline(): number | undefined {
    let next: number | undefined
    for (const { untilMs } of this.#held.values()) {
      if (next === undefined || untilMs < next) next = untilMs
    }
    return next
  }

  /** A read outside of the log. */
  read(key: string, _readCold?: (id: string) => string | undefined): string | undefined {
    return this.#values.get(key)
  }

  takeDirty(): ServiceRecord[] {
    const records = [...this.#dirty].sort().map(id => this.#toWrite(id))
    this.#dirty.clear()
    return records
  }

  #toWrite(id: string): ServiceRecord {
    const record = { id, value: this.#record(id) }
    if (!isPage(id)) return record
    return { ...record, cold: { text: this.#pages.text(id) } }
  }

  freeze(): ServiceSnapshot {
    const records: ServiceRecord[] = this.#pages.ids.map(id => ({ id, value: this.#record(id) }))
    for (const key of this.#values.keys())
      records.push({ id: `v/${key}`, value: this.#values.get(key) })
    for (const key of this.#held.keys())
      records.push({ id: `h/${key}`, value: this.#record(`h/${key}`) })
    records.sort((a, b) => (a.id < b.id ? -1 : 1))
    return {
      records: after =>
        after === undefined ? records : records.filter(record => record.id > after),
      coldRecords: () => records.filter(({ id }) => isPage(id)),
      coldReference: id => records.find(record => isPage(id) && record.id === id)?.value,
    }
  }

  stateHash(): string {
    const hex = (n: number): string => (n >>> 0).toString(16).padStart(16, '0')
    return hex(this.#sumA) + hex(this.#sumB)
  }

  clear(): void {
    this.#values.clear()
    this.#held.clear()
    this.#dirty.clear()
    this.#pages.clear()
    this.#sumA = 0
    this.#sumB = 0
  }

  load({ id, value }: ServiceRecord): void {
    const key = id.slice(2)
    if (id.startsWith('v/')) this.#set(key, value)
    else if (!id.startsWith('h/')) this.#pages.load(id, value)
    else this.#hold(key, value === undefined ? undefined : Number(value))
    this.#dirty.delete(id)
  }

  isCold(id: string): boolean {
    return isPage(id)
  }

  coldReference(id: string): string | undefined {
    return isPage(id) ? this.#pages.record(id) : undefined
  }

  coldText(id: string): string | undefined {
    return this.#pages.text(id)
  }

  coldBytes(): number {
    let bytes = 0
    for (const id of this.#dirty) if (isPage(id)) bytes += coldBytes(this.#record(id) ?? '')
    return bytes
  }

  settle(ids: readonly string[]): void {
    this.#pages.settle(ids)
  }

  #record(id: string): string | undefined {
    const key = id.slice(2)
    if (id.startsWith('v/')) return this.#values.get(key)
    if (!id.startsWith('h/')) return this.#pages.record(id)
    const held = this.#held.get(key)
    return held && String(held.untilMs)
  }

  #set(key: string, value: string | undefined): void {
    this.#count(`v/${key}`, -1)
    if (value === undefined) this.#values.delete(key)
    else this.#values.set(key, value)
    this.#count(`v/${key}`, 1)
  }

  #hold(key: string, untilMs: number | undefined): void {
    if (untilMs === undefined && !this.#held.has(key)) return
    this.#count(`h/${key}`, -1)
    if (untilMs === undefined) this.#held.delete(key)
    else this.#held.set(key, { key, untilMs })
    this.#count(`h/${key}`, 1)
  }

  /** The hash is a sum over records, so a change costs its own record only. */
  #count(id: string, sign: 1 | -1): void {
    this.#dirty.add(id)
    const value = this.#record(id)
    if (value === undefined) return
    const line = `${id}=${value}`
    this.#sumA = (this.#sumA + sign * fnv(line, 0x811c9dc5)) | 0
    this.#sumB = (this.#sumB + sign * fnv(line, 0x5bd1e995)) | 0
  }
}

function fnv(line: string, basis: number): number {
  let h = basis
  for (let i = 0; i < line.length; i++) h = Math.imul(h ^ line.charCodeAt(i), 0x01000193)
  return h | 0
}
