/** Which heads are plain, and that nothing else is: the standard server reads what is not. */
import { expect, test } from 'vitest'
import { plainHead } from '../../src/rpc/plain-head.ts'

const PLAIN = ['POST /rpc HTTP/1.1', 'Host: localhost:7401', 'Content-Length: 2']
const head = (...lines: string[]): string => lines.join('\r\n')

test('what programs send', () => {
  const curl = head(
    ...PLAIN,
    'User-Agent: curl/7.88.1',
    'Accept: */*',
    'content-type:application/json',
  )
  expect(plainHead(curl)).toEqual({
    contentLength: 2,
    headers: {
      host: 'localhost:7401',
      'content-length': '2',
      'user-agent': 'curl/7.88.1',
      accept: '*/*',
      'content-type': 'application/json',
    },
  })
  expect(plainHead(head(...PLAIN, 'Connection: Keep-Alive'))?.contentLength).toBe(2)
})

test.each([
  ['another method', head('GET /rpc HTTP/1.1', ...PLAIN.slice(1))],
  ['another path', head('POST /rpc?x HTTP/1.1', ...PLAIN.slice(1))],
  ['another version', head('POST /rpc HTTP/1.0', ...PLAIN.slice(1))],
  ['spaces in the request line', head('POST  /rpc HTTP/1.1', ...PLAIN.slice(1))],
  ['no host', head('POST /rpc HTTP/1.1', 'Content-Length: 2')],
  ['no length', head('POST /rpc HTTP/1.1', 'Host: localhost')],
  ['two lengths', head(...PLAIN, 'content-length: 3')],
  ['two equal lengths', head(...PLAIN, 'Content-Length: 2')],
  ['two hosts', head(...PLAIN, 'host: localhost')],
  ['a list of lengths', head(...PLAIN.slice(0, 2), 'Content-Length: 2, 2')],
  ['a signed length', head(...PLAIN.slice(0, 2), 'Content-Length: +2')],
  ['a hexadecimal length', head(...PLAIN.slice(0, 2), 'Content-Length: 0x2')],
  ['a long length', head(...PLAIN.slice(0, 2), 'Content-Length: 123456789')],
  ['chunks', head(...PLAIN, 'Transfer-Encoding: chunked')],
  ['an encoding', head(...PLAIN, 'Content-Encoding: gzip')],
  ['an expectation', head(...PLAIN, 'Expect: 100-continue')],
  ['an upgrade', head(...PLAIN, 'Upgrade: websocket')],
  ['a connection that closes', head(...PLAIN, 'Connection: close')],
  ['a header nobody knows', head(...PLAIN, 'X-Request-Id: 1')],
  ['a name of Object', head(...PLAIN, 'constructor: 1')],
  ['a folded line', head(...PLAIN, 'Accept: a', ' b')],
  ['a space before the colon', head(...PLAIN, 'Accept : a')],
  ['a lone line feed', head(...PLAIN, 'Accept: a\nTransfer-Encoding: chunked')],
  ['a zero byte', head(...PLAIN, 'Accept: a\0b')],
  ['bytes beyond ASCII', head(...PLAIN, 'Accept: \u00e4')],
  ['an empty value', head(...PLAIN, 'Accept: ')],
  ['too many lines', head(...PLAIN, ...Array.from({ length: 30 }, () => 'Accept: a'))],
])('%s is not plain', (_, text) => {
  expect(plainHead(text)).toBeUndefined()
})
