/** kv export and import: keys and values as lines of JSON, in order of key. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { isObject, type Json } from '../../base/json.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { UsageError } from '../usage-error.ts'
import { parseJson } from '../value.ts'
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

export const importKeys: Run = async (context, [file = '-']) => {
  const client = context.client()
  const input = file === '-' ? process.stdin : createReadStream(file, 'utf8')
  const running = new Set<Promise<void>>()
  let [done, line] = [0, 0]
  let failed: unknown
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    line++
    if (text.trim() === '') continue
    const { key, value } = readLine(text, line)
    const one: Promise<void> = client.kv
      .put(key, value)
      .then(() => {
        done++
      })
      .catch((error: unknown) => {
        failed ??= error
      })
      .finally(() => running.delete(one))
    running.add(one)
    if (running.size >= IN_FLIGHT) await Promise.race(running)
    if (failed !== undefined) break
  }
  await Promise.all(running)
  context.note(`${done} keys written${failed === undefined ? '' : `, stopped near line ${line}`}`)
  if (failed !== undefined) throw failed
  return EXIT.ok
}

function readLine(text: string, line: number): { key: string; value: Json } {
  const record = parseJson(text, `line ${line}`)
  const key = isObject(record) ? record['key'] : undefined
  const value = isObject(record) ? (record['value'] as Json | undefined) : undefined
  if (typeof key !== 'string' || value === undefined) {
    throw new UsageError(`line ${line} must be like {"key":"x","value":1}`)
  }
  return { key, value }
}
