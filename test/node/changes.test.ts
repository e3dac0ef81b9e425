/** What an entry changed is kept beside it, unless the entry says it: read back, both are the same. */
import { expect, test } from 'vitest'
import { createService } from '../../src/machine/compose.ts'
import { KvMachine } from '../../src/machine/kv/kv.ts'
import { encodeOperation } from '../../src/machine/operation.ts'
import { changesOf, keptText } from '../../src/node/changes.ts'
import { genesisChecksum, makeEntry } from '../../src/vr/entry.ts'
import {
  clientId,
  epochNumber,
  opNumber,
  requestNumber,
  revOf,
  viewNumber,
} from '../../src/vr/terms.ts'

const service = createService([new KvMachine()])
let rev = 0

/** One entry of these commands at this log time, and what it changed. */
function executed(timeMs: number, ...commands: object[]) {
  const operations = commands.map(command => encodeOperation('kv', command as never))
  const entry = makeEntry({
    shard: 0,
    epochNumber: epochNumber(0),
    viewNumber: viewNumber(0),
    opNumber: opNumber(1),
    parent: genesisChecksum('t', 0),
    timeMs,
    revBefore: revOf(rev),
    lamport: 0,
    commitNumber: opNumber(0),
    commands: operations.map((operation, i) => ({
      kind: 'operation' as const,
      clientId: clientId('c'),
      requestNumber: requestNumber(i + 1),
      ackedNumber: requestNumber(0),
      meta: '',
      operation,
    })),
  })
  const changes: object[] = []
  const context = (at: number) => ({ opNumber: 1, rev: at, timeMs, session: 'c' })
  service.advance(timeMs, context(rev), changes)
  for (const operation of operations) service.execute(operation, context(++rev), changes)
  return { entry, changes }
}

const plain = (changes: readonly object[]) =>
  changes.map(change => {
    const { rev, key, value } = change as { rev: number; key: string; value?: unknown }
    return { rev, key, value }
  })

test.each([
  [
    'puts',
    100,
    [
      { op: 'put', key: 'a', value: 1 },
      { op: 'put', key: 'b', value: 2 },
    ],
    false,
  ],
  ['a put with a time to live', 110, [{ op: 'put', key: 'x', value: 1, ttlMs: 5 }], true],
  ['a put where there was one', 111, [{ op: 'put', key: 'x', value: 2, ttlMs: 5 }], true],
  // As many changes as puts: one is refused, and one key expires.
  [
    'a put that is refused while a key expires',
    500,
    [
      { op: 'put', key: 'a', value: 3, ifRev: 99 },
      { op: 'put', key: 'b', value: 4 },
    ],
    true,
  ],
  ['an increment', 510, [{ op: 'incr', key: 'n' }], true],
  ['nothing', 520, [{ op: 'del', key: 'nobody' }], false],
] as const)('%s', (_, timeMs, commands, isKept) => {
  const { entry, changes } = executed(timeMs, ...commands)
  const kept = keptText(entry, changes)
  expect(kept !== undefined).toBe(isKept)
  expect(plain(changesOf(entry, kept))).toEqual(plain(changes))
})
