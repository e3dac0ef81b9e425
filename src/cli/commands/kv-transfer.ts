/** kv export and import: keys and values as lines of JSON, in order of key; a log of state changes, too. */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import type { Client } from '../../client/client.ts'
import { ViewstampError } from '../../client/error.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { linesOf } from '../input.ts'
import { UsageError } from '../usage-error.ts'
import { parseJson } from '../value.ts'
import { isLogEntry, LogImport } from './kv-import-log.ts'
import { reading } from './kv-read.ts'

/** Writes under way at a time: enough to fill batches, few enough to stop soon after an error. */
const IN_FLIGHT = 32
/** Keys asked for in one call. */
const PAGE = 1_000

export const exportKeys: Run = async (context, [prefix = ''], given) => {
  const { kv } = context.client()
  let count = 0
  for await (const page of kv.pages({ prefix, page: PAGE, ...reading(given) })) {
    const lines = page.kvs.map(({ key, value }) => JSON.stringify({ key, value }))
    count += lines.length
    if (lines.length > 0) await context.terminal.dataTaken(`${lines.join('\n')}\n`)
  }
  context.note(`${count} keys`)
  return EXIT.ok
}

export const importKeys: Run = async (context, [file = '-'], given) => {
  const client = context.client()
  const shard = given.text('shard')
  const meta = shard === undefined ? {} : { meta: { shard } }
  const puts = new Puts(client, meta)
  let log: LogImport | undefined
  let line = 0
  try {
    for await (const text of linesOf(file)) {
      line++
      if (text.trim() === '') continue
      const record = parseJson(text, `line ${line}`)
      if (isLogEntry(record)) {
        log ??= await LogImport.begin(context, client, meta)
        await log.add(record, line)
      } else if (log === undefined) await puts.add(readRecord(record, line))
      else throw new UsageError(`line ${line} is no entry of a log, as those before it are`)
    }
    await puts.end()
    await log?.end()
  } catch (error) {
    const next = log ? nextStep(error) : `; ${puts.done} keys written`
    context.note(`stopped near line ${line}${next}`)
    throw error
  }
  if (log === undefined) context.note(`${puts.done} keys written`)
  return EXIT.ok
}

/** Of an import of a log. */
function nextStep(error: unknown): string {
  if (!(error instanceof ViewstampError)) return ''
  if (error.name === 'COMPARE_FAILED') {
    return '; the copy has diverged from its source, unless another import writes to it: begin anew, into an empty cluster'
  }
  const isPassing = error.retryable || error.outcome === 'unknown'
  return isPassing ? '; repeat the command, it goes on from there' : ''
}

/** Keys and values, several on their way at a time. */
class Puts {
  readonly #client: Client
  readonly #meta: JsonObject
  readonly #running = new Set<Promise<void>>()
  #failed: unknown
  done = 0

  constructor(client: Client, meta: JsonObject) {
    this.#client = client
    this.#meta = meta
  }

  async add({ key, value }: { key: string; value: Json }): Promise<void> {
    const one: Promise<void> = this.#client
      .call('kv.put', { key, value, ...this.#meta })
      .then(() => {
        this.done++
      })
      .catch((error: unknown) => {
        this.#failed ??= error
      })
      .finally(() => this.#running.delete(one))
    this.#running.add(one)
    if (this.#running.size >= IN_FLIGHT) await Promise.race(this.#running)
    if (this.#failed !== undefined) await this.end()
  }

  async end(): Promise<void> {
    await Promise.all(this.#running)
    if (this.#failed !== undefined) throw this.#failed
  }
}

function readRecord(record: Json, line: number): { key: string; value: Json } {
  const key = isObject(record) ? record['key'] : undefined
  const value = isObject(record) ? (record['value'] as Json | undefined) : undefined
  if (typeof key !== 'string' || value === undefined) {
    throw new UsageError(
      `line ${line} must be like {"key":"x","value":1}, or an entry of viewstamp log read --as changes -o jsonl`,
    )
  }
  return { key, value }
}
