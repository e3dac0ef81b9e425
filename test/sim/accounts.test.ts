/** As checks.test.ts, for the sums that a replica keeps. */
import { expect, test } from 'vitest'
import { accounts } from '../../src/sim/check/accounts.ts'
import { chainOf, executed, hostWith, lines } from './fixtures.ts'

test('accounts: a sum that is not the sum', () => {
  const with_ = (log: number, unwrittenBytes: number, queueBytes: number) => () =>
    accounts().stepped?.(
      hostWith({
        log: { entries: [{ bytes: { length: 5 } }], bytes: log },
        writes: [{ bytes: 7 }],
        unwrittenBytes,
        primary: { queue: [{ operation: { length: 3 }, meta: '' }], queueBytes },
      }),
    )
  expect(with_(5, 7, 67)).not.toThrow()
  expect(with_(6, 7, 67)).toThrow('6 bytes of entries in memory; they are 5')
  expect(with_(5, 8, 67)).toThrow('8 bytes to be written; they are 7')
  expect(with_(5, 7, 68)).toThrow('68 bytes wait; they are 67')
})

test('accounts: a session that keeps more than its window', () => {
  const [entry] = chainOf(lines('put r1 a')) as [ReturnType<typeof chainOf>[0]]
  const look = (window: number, resultBytes: number) => () => {
    const results = new Map([1, 2].map(n => [n, { answer: { result: { length: 3 } } }]))
    const sessions = new Map([['c1', { results, window, resultBytes }]])
    accounts().executed?.(hostWith({ clientTable: { sessions } }), executed(entry))
  }
  expect(look(2, 6)).not.toThrow()
  expect(look(1, 6)).toThrow('2 results in a window of 1')
  expect(look(2, 7)).toThrow('7 bytes of results; they are 6')
})
