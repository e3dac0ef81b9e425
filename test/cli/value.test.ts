import { expect, test } from 'vitest'
import { parseJson, parseValue, printable, showValue } from '../../src/cli/value.ts'

test.each([
  ['1', 1],
  ['-1.5', -1.5],
  ['true', true],
  ['null', null],
  ['"1"', '1'],
  ['{"a":[1]}', { a: [1] }],
  ['hello', 'hello'],
  ['hello world', 'hello world'],
  ['', ''],
  ['01', '01'],
  ['{a:1}', '{a:1}'],
  ['1e999', '1e999'],
  ['NaN', 'NaN'],
  ['__proto__', '__proto__'],
])('VALUE %j is %j', (text, value) => {
  expect(parseValue(text)).toEqual(value)
})

test('a number that would be rounded is refused, with the way to store it', () => {
  expect(() => parseValue('9007199254740993')).toThrow(
    `write '"9007199254740993"' to store it as text`,
  )
  expect(parseValue('9007199254740991')).toBe(9_007_199_254_740_991)
})

test.each([
  ['{"id":12345678901234567890}', '12345678901234567890'],
  ['[9007199254740993]', '9007199254740993'],
  ['{"a":[1e400]}', '1e400'],
])('within JSON, too: %s', (text, number) => {
  const sentence = `${number} is beyond what a number holds; write '"${number}"' to store it as text`
  expect(() => parseValue(text)).toThrow(sentence)
  expect(() => parseJson(text, 'line 1')).toThrow(sentence)
})

test.each([
  '{"a":"12345678901234567890","b\\"9007199254740993":1}',
  '[9007199254740992,-0,1e21,0.1234567890123456789,-9007199254740991]',
])('what is stored as it was typed is taken: %s', text => {
  expect(parseValue(text)).toEqual(JSON.parse(text))
})

test.each(['hello', '1', 'true', '', 'a\nb', '{"a":1}', '\u001b[2J'])(
  'the string %j is shown so that it can be typed again',
  value => {
    expect(parseValue(showValue(value))).toBe(value)
  },
)

test('control characters do not reach the terminal', () => {
  expect(printable('a\u001b[2Jb\rc\td\ne')).toBe('a\\x1b[2Jb\\x0dc\td\ne')
})
