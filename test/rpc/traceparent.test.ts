import { describe, expect, test } from 'vitest'
import { traceOf } from '../../src/rpc/traceparent.ts'
import { ask, serve } from './harness.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const HEADER = `00-${TRACE}-${PARENT}-01`

describe('traceparent', () => {
  test('its trace and its parent', () => {
    const trace = { correlationId: TRACE, causationId: PARENT }
    expect(traceOf(HEADER)).toEqual(trace)
    expect(traceOf(`00-${TRACE}-${PARENT}-00`)).toEqual(trace)
    expect(traceOf(`cc-${TRACE}-${PARENT}-01-what-will-be`)).toEqual(trace)
  })

  test.each([
    undefined,
    '',
    [HEADER, HEADER],
    `ff-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01-more`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE}1-${PARENT}-01`,
    ` ${HEADER}`,
  ])('not well-formed: %j', header => {
    expect(traceOf(header)).toBeUndefined()
  })
})

const put = (meta?: object) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'kv.put', params: { key: 'k', value: 1, meta } })

test.each([
  ['the header', undefined, HEADER, { correlationId: TRACE, causationId: PARENT }],
  ['the header beside a meta', { timeoutMs: 9 }, HEADER, { timeoutMs: 9, correlationId: TRACE }],
  ['meta', { traceparent: HEADER }, undefined, { correlationId: TRACE, causationId: PARENT }],
  ['meta, a cause of its own', { traceparent: HEADER, causationId: 'c' }, '', { causationId: 'c' }],
  ['a correlation of its own', { correlationId: 'mine' }, HEADER, { correlationId: 'mine' }],
])('a call belongs to the trace of %s', async (_, meta, traceparent, expected) => {
  const { node, url } = await serve()
  await ask(url, { body: put(meta), headers: { traceparent } })
  expect(node.calls[0]?.meta).toMatchObject(expected)
  if (meta && 'correlationId' in meta) expect(node.calls[0]?.meta.causationId).toBeUndefined()
})

test('a header that is none is not there', async () => {
  const { node, url } = await serve()
  await ask(url, { body: put(), headers: { traceparent: 'nonsense' } })
  expect(node.calls[0]?.meta).toEqual({})
})

test('what the caller has seen is told to the node, and answers tell the time of the write', async () => {
  const { node, url } = await serve()
  const { json } = await ask(url, { body: put({ lamport: 41 }) })
  expect(node.heard).toEqual([41])
  expect(json.result).toMatchObject({ rev: 1, lamport: 2, header: {} })
})
