import { expect, test } from 'vitest'
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/daemon/units.ts'

test.each([
  ['250ms', 250],
  ['5s', 5_000],
  ['1.5s', 1_500],
  ['2.01s', 2_010],
  ['1.001s', 1_001],
  ['1.0005s', undefined],
  ['2m', 120_000],
  ['1h', 3_600_000],
  ['7d', 604_800_000],
  [' 10 s ', 10_000],
  ['0s', 0],
  ['5', undefined],
  ['5sec', undefined],
  ['-5s', undefined],
  ['s', undefined],
  ['', undefined],
  ['1e3s', undefined],
  ['5constructor', undefined],
  ['0.0001ms', undefined],
  ['999999999999999d', undefined],
])('duration %j is %j ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each([
  ['512KiB', 524_288],
  ['4MiB', 4_194_304],
  ['1.5KiB', 1_536],
  ['2GB', 2e9],
  ['100', 100],
  ['100B', 100],
  ['4 MiB', 4_194_304],
  ['4Mib', undefined],
  ['4M', undefined],
  ['MiB', undefined],
  ['-1B', undefined],
  ['1e30TiB', undefined],
])('size %j is %j bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test.each([250, 1_000, 90_000, 86_400_000, 86_400_001, 0])('%d ms survive a round trip', ms => {
  expect(parseDuration(formatDuration(ms))).toBe(ms)
})

test.each([1, 1_024, 4_194_304, 4_194_305, 0])('%d bytes survive a round trip', bytes => {
  expect(parseSize(formatSize(bytes))).toBe(bytes)
})

test('the shortest exact unit is written', () => {
  expect(formatDuration(86_400_000)).toBe('1d')
  expect(formatDuration(90_000)).toBe('90s')
  expect(formatSize(4_194_304)).toBe('4MiB')
})
