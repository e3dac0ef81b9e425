/**
 * W3C Trace Context, level 1: `traceparent: 00-<trace-id>-<parent-id>-<flags>`. The trace is what a call belongs
 * to, its parent what caused it. What is not well-formed is as if it were not there, as the standard wants it.
 */
export interface Trace {
  readonly correlationId: string
  readonly causationId: string
}

/** Later versions may have more behind the flags. §4.3 */
const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/
const NO_TRACE_ID = '0'.repeat(32)
const NO_PARENT_ID = '0'.repeat(16)

export function traceOf(header: string | readonly string[] | undefined): Trace | undefined {
  if (typeof header !== 'string') return undefined
  const [, version, traceId, parentId, more] = PARENT.exec(header) ?? []
  if (traceId === undefined || parentId === undefined || version === 'ff') return undefined
  if (version === '00' && more !== undefined) return undefined
  if (traceId === NO_TRACE_ID || parentId === NO_PARENT_ID) return undefined
  return { correlationId: traceId, causationId: parentId }
}
