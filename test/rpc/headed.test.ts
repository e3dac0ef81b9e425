/** Answers to writes as text: the members as they are, the Lamport time and the header beside them. */
import { expect, test } from 'vitest'
import type { Header } from '../../src/node/api.ts'
import { Headed, HeadedText } from '../../src/rpc/headed.ts'

const header = { op: 1 } as Header

test.each([
  ['{"rev":1}', { rev: 1, lamport: 9 }],
  ['{}', { lamport: 9 }],
  ['{"offset":1,"lamport":4}', { offset: 1, lamport: 4 }],
  ['{"prev":{"lamport":4,"header":5}}', { prev: { lamport: 4, header: 5 }, lamport: 9 }],
  ['{"header":1}', { lamport: 9 }],
])('%s', (text, members) => {
  const expected = { ...members, header }
  expect(JSON.parse(new HeadedText(text, header, 9).text)).toEqual(expected)
  expect(new HeadedText(text, header, 9).toJSON()).toEqual(expected)
  expect(JSON.parse(new Headed(JSON.parse(text) as object, header, 9).text)).toEqual(expected)
  expect(new HeadedText(text, header, 9).text.match(/"header":\{/g)).toHaveLength(1)
})

test('without a time', () => {
  expect(new HeadedText('{"rev":1}', header, undefined).text).toBe('{"rev":1,"header":{"op":1}}')
})
