/** feed publish and import: one record, or lines from a pipe, each published once. */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import { LineBatcher } from '../../base/line-batch.ts'
import type { Client, RecordMembers } from '../../client/exports.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import type { Given } from '../given.ts'
import { linesOf } from '../input.ts'
import { UsageError } from '../usage-error.ts'
import { parseJson, parseValue } from '../value.ts'

type Line = RecordMembers & { readonly feed: string; readonly value: Json }

export const publish: Run = async (context, [feed = '', text], given) => {
  const more = recordOptions(given)
  if (text === undefined || text === '-') {
    const value = (line: string): Line => ({ ...more, feed, value: parseValue(line) })
    if (text === undefined && process.stdin.isTTY) {
      throw new UsageError('give a VALUE, or pipe lines in')
    }
    return publishLines(context, '-', value)
  }
  const answer = await context.client().feed.publish(feed, parseValue(text), more)
  const { partition, offset, duplicate } = answer
  const again = duplicate ? ' (it was there already)' : ''
  const people = (): string => `${feed}/${partition} ${offset}${again}`
  context.output.print({
    whole: answer,
    ...(context.output.format === 'raw' && { raw: people }),
    people,
  })
  return EXIT.ok
}

function recordOptions(given: Given): RecordMembers {
  const [key, id] = [given.text('key'), given.text('id')]
  const [partition, expectOffset] = [given.integer('partition'), given.integer('expectOffset')]
  const headers = Object.fromEntries(
    given.list('header').map(text => {
      const at = text.indexOf('=')
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
      throw new UsageError(`--header must be NAME=VALUE, not '${text}'`)
    }),
  )
  return {
    ...(key !== undefined && { key }),
    ...(id !== undefined && { id }),
    ...(partition !== undefined && { partition }),
    ...(expectOffset !== undefined && { expectOffset }),
    ...(Object.keys(headers).length > 0 && { headers }),
  }
}

export const importRecords: Run = async (context, [feed = '', file = '-']) => {
  return publishLines(context, file, (line, number) => {
    const record = parseJson(line, `line ${number}`)
    const { value, ...more } = isObject(record) ? (record as JsonObject) : {}
    if (value !== undefined) return { ...(more as RecordMembers), feed, value }
    throw new UsageError(`line ${number} must be like {"value":1,"key":"k"}`)
  })
}

/** In a session of its own, so that a batch may be sent again and is published once. */
async function publishLines(
  context: Context,
  file: string,
  recordOf: (line: string, number: number) => Line,
): Promise<number> {
  const client = context.client(undefined, { session: true })
  const publisher = new Publisher(client)
  try {
    const batcher = new LineBatcher(recordOf)
    for await (const line of linesOf(file)) {
      const batch = batcher.add(line)
      if (!batch) continue
      await publisher.put(batch.records)
      context.terminal.progress(`${publisher.done} records`)
    }
    const rest = batcher.rest()
    if (rest) await publisher.put(rest.records)
    await publisher.end()
  } finally {
    // What is on its way counts too, also behind a line that is wrong.
    await publisher.end().catch(() => undefined)
    await client.close()
    context.terminal.progress('')
    const duplicates =
      publisher.duplicates === 0 ? '' : `, ${publisher.duplicates} were there already`
    context.note(`${publisher.done} records published${duplicates}`)
  }
  return EXIT.ok
}

/** One batch is on its way while the next is read; their order is that of the lines. */
class Publisher {
  done = 0
  duplicates = 0
  readonly #client: Client
  #running: Promise<void> = Promise.resolve()

  constructor(client: Client) {
    this.#client = client
  }

  async put(records: readonly Line[]): Promise<void> {
    await this.#running
    this.#running = this.#send(records)
    // Told by whoever waits for it.
    this.#running.catch(() => undefined)
  }

  async #send(records: readonly Line[]): Promise<void> {
    const { results } = await this.#client.feed.publishBatch(records)
    for (const { duplicate } of results) {
      if (duplicate) this.duplicates++
      else this.done++
    }
  }

  end(): Promise<void> {
    return this.#running
  }
}
