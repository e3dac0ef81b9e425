/** The OpenRPC document is valid, says what the methods do, and docs/rpc.md is written from it. */
import { readFileSync, writeFileSync } from 'node:fs'
import metaSchema from '@open-rpc/meta-schema'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { METHODS } from '../../src/rpc/methods/table.ts'
import { openRpcDocument } from '../../src/rpc/openrpc.ts'
import { rpcReference } from '../../src/rpc/reference.ts'
import { Client, serve } from './harness.ts'

const document = openRpcDocument(METHODS, '0.1.0')
/** Fault injection is off, and so not offered: test/chaos/rpc.test.ts. */
const offered = [...METHODS.keys()].filter(name => !name.startsWith('chaos.'))

test('it is valid by the meta-schema', () => {
  const ajv = new Ajv({ strict: false, validateFormats: false })
  // It refers to a meta-schema of JSON Schema that is not on this machine; schemas are compiled below.
  ajv.addSchema({ $id: 'https://meta.json-schema.tools', type: ['object', 'boolean'] })
  const { $schema: _, ...schema } = plain(metaSchema) as { $schema?: string }
  const text = JSON.stringify(schema).replace(
    /"\$ref":"https:\/\/meta.json-schema.tools\/#[^"]*"/g,
    '"type":"string"',
  )
  const validate = ajv.compile(JSON.parse(text))
  expect(validate({ ...document, openrpc: '0.9' })).toBe(false)
  expect(validate(JSON.parse(JSON.stringify(document))), JSON.stringify(validate.errors)).toBe(true)
})

test('every schema of a parameter is one', () => {
  const ajv = new Ajv({ strict: true, allowUnionTypes: true, strictRequired: false })
  for (const method of METHODS.values()) {
    for (const [name, field] of method.fields) {
      const json = JSON.parse(JSON.stringify(field.schema.json))
      expect(() => ajv.compile(json), `${method.name} ${name}`).not.toThrow()
    }
  }
})

test('rpc.discover gives it, without a header: it is a document', async () => {
  const { url } = await serve()
  const client = await Client.open(url)
  expect((await client.call('rpc.discover')).result).toEqual(JSON.parse(JSON.stringify(document)))
})

describe('results are as described', () => {
  const ajv = new Ajv({ strict: false, allowUnionTypes: true })
  ajv.addSchema({ $id: 'document', ...JSON.parse(JSON.stringify(document)) })
  const expectation = { key: 'k', expect: { rev: 1 } }
  /** Parameters, or what they are after the answer before. */
  type Given = readonly unknown[] | object | ((before: Fetched) => unknown)
  type Fetched = {
    readonly rev: number
    readonly records: readonly [{ readonly delivery: string }]
  }
  const calls: [string, Given][] = [
    ['kv.put', { key: 'k', value: 1, prev: true }],
    ['kv.get', ['k']],
    ['kv.get', ['missing']],
    ['kv.getMany', [['k', 'missing']]],
    ['kv.range', {}],
    ['kv.range', { keysOnly: true, limit: 1 }],
    ['kv.range', { countOnly: true }],
    ['kv.cas', expectation],
    ['kv.cas', expectation],
    ['kv.incr', ['i']],
    ['kv.apply', ['x=1']],
    ['kv.txn', { then: [{ get: { key: 'i' } }] }],
    ['kv.del', ['i', { prev: true }]],
    ['kv.import', done => [done.rev + 1, [[{ key: 'z', value: 1, version: 1 }], []]]],
    ['kv.history', { key: 'a' }],
    ['kv.hash', []],
    ['kv.poll', { prefix: '', from: 'first' }],
    ['kv.watch', { prefix: '' }],
    ['cluster.watch', {}],
    ['feed.create', ['orders', { partitions: 2 }]],
    ['feed.publish', ['orders', 1, { key: 'k' }]],
    ['feed.publish', { feed: 'orders', value: 1, id: 'a', correlationId: 'c' }],
    ['feed.publishBatch', [[{ feed: 'orders', value: 1 }]]],
    ['feed.read', ['orders']],
    ['feed.create', ['one']],
    ['feed.read', ['one']],
    ['feed.subscribe', ['orders', { from: 'first' }]],
    ['group.create', ['one', 'g']],
    ['group.commit', ['one', 'g', { 0: 0 }]],
    ['group.offsets', ['one', 'g']],
    ['group.seek', ['one', 'g', 'now']],
    ['group.create', { feed: 'one', group: 'q', mode: 'queue' }],
    ['feed.publish', ['one', 1]],
    ['group.fetch', ['one', 'q', 'm', { limit: 5 }]],
    ['group.nack', fetched => ['one', 'q', 'm', [fetched.records[0].delivery]]],
    ['group.fetch', ['one', 'q', 'm']],
    ['group.ack', fetched => ['one', 'q', 'm', [fetched.records[0].delivery]]],
    ['group.info', ['one', 'q']],
    ['group.list', ['one']],
    ['group.delete', ['one', 'q']],
    ['feed.update', ['one', { retention: { records: 5 } }]],
    ['feed.truncate', ['one', { beforeOffset: 0 }]],
    ['feed.list', []],
    ['feed.info', ['orders']],
    ['feed.delete', ['one']],
    ['sub.list', []],
    ['sub.cancel', ['s1']],
    ['session.open', []],
    ['session.keepAlive', ['abc']],
    ['session.close', ['abc']],
    ['sm.list', []],
    ['sm.submit', ['echo', 1]],
    ['sm.query', ['echo', 1]],
    ['log.info', []],
    ['log.read', {}],
    ['log.get', [1]],
    ['log.verify', {}],
    ['trace.get', ['order-7']],
    ['snapshot.create', {}],
    ['snapshot.list', {}],
    ['cluster.status', []],
    ['cluster.health', []],
    ['cluster.members', []],
    ['cluster.stepDown', {}],
    ['system.ping', []],
    ['system.version', []],
    ['rpc.discover', []],
  ]

  test('every method, called once', async () => {
    const { url } = await serve()
    const client = await Client.open(url)
    let answer: Awaited<ReturnType<Client['call']>> | undefined
    for (const [name, params] of calls) {
      const given: unknown = typeof params === 'function' ? params(answer?.result) : params
      answer = await client.call(name, given)
      expect(answer.error, name).toBeUndefined()
      const schema = METHODS.get(name)?.result ?? false
      const text = JSON.stringify(schema).replaceAll('"#/', '"document#/')
      const validate = ajv.compile(JSON.parse(text))
      expect(validate(answer.result), `${name} ${JSON.stringify(validate.errors)}`).toBe(true)
    }
    expect(new Set(calls.map(([name]) => name))).toEqual(new Set(offered))
  })
})

test('docs/rpc.md is up to date (node scripts/rpc-docs.mjs writes it)', () => {
  const file = new URL('../../docs/rpc.md', import.meta.url)
  const text = rpcReference(METHODS)
  if (process.env['UPDATE_DOCS']) writeFileSync(file, text)
  expect(readFileSync(file, 'utf8')).toBe(text)
})

/** The package gives a module in a module, depending on who loads it. */
function plain(module: unknown): object {
  const inner = (module as { default?: unknown }).default
  return inner === undefined ? (module as object) : plain(inner)
}
