/** What the options of `feed read` and `feed tail` mean. */
import { expect, test } from 'vitest'
import { filterOf } from '../../src/cli/feed-filter.ts'
import { feedFrom } from '../../src/cli/feed-from.ts'
import { Given } from '../../src/cli/given.ts'

const record = {
  ...{ feed: 'f', key: '7', headers: { type: 'paid' } },
  value: { total: 50, tags: ['a', 'b'], name: 'Ada', at: null },
}

test.each([
  ['value.total=50', true],
  ['value.total!=50', false],
  ['value.total>49', true],
  ['value.total<50', false],
  ['value.total <= 50', true],
  ['value.total>=51', false],
  ['key=7', true],
  ['headers.type=paid', true],
  ['headers.type~ai', true],
  ['value.tags~b', true],
  ['value.tags~c', false],
  ['value.tags.1=b', true],
  ['value.name>"A"', true],
  ['value.name>5', false],
  ['value.at=null', true],
  ['value.missing=1', false],
  ['value.missing!=1', true],
  ['value.constructor!=1', true],
  ['value.tags=["a","b"]', true],
])('%s: %s', (condition, expected) => {
  expect(filterOf([condition])(record)).toBe(expected)
})

test('several conditions must all hold; one that is none is an error', () => {
  expect(filterOf(['key=7', 'value.total=1'])(record)).toBe(false)
  expect(filterOf([])(record)).toBe(true)
  for (const wrong of ['', 'key', '=1', 'key=', 'a b=1', '.a=1']) {
    expect(() => filterOf([wrong])).toThrow(/is no condition/)
  }
})

test.each([
  ['start', 'first'],
  ['end', 'now'],
  ['last', 'last'],
  ['-10', -10],
  ['123', 123],
  ['@1700000000000', { timeMs: 1_700_000_000_000 }],
  ['@2026-11-26T03:00:00Z', { timeMs: Date.UTC(2026, 10, 26, 3) }],
  ['0:12,1:7', '0:12,1:7'],
])('--from %s', (text, expected) => {
  expect(feedFrom(new Given({ from: text }, {}), null)).toEqual(expected)
})

test('--from @-5m is five minutes ago; nonsense is an error', () => {
  const before = Date.now()
  const { timeMs } = feedFrom(new Given({ from: '@-5m' }, {}), null) as { timeMs: number }
  expect(timeMs).toBeGreaterThanOrEqual(before - 300_000)
  expect(timeMs).toBeLessThanOrEqual(Date.now() - 300_000)
  for (const wrong of ['yesterday', '@noon', '1.5', '@']) {
    expect(() => feedFrom(new Given({ from: wrong }, {}), null)).toThrow(/--from/)
  }
  expect(feedFrom(new Given({}, {}), 'first')).toBe('first')
})
