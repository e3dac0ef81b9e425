/** A connection on which the peer says nothing any more is given up before it is up, and only then. */
import type { Connection } from '@libp2p/interface'
import { afterEach, expect, test } from 'vitest'
import { cut } from '../../src/network/connections.ts'
import { silent } from '../../src/network/log.ts'
import { PeerLink } from '../../src/network/peer-link.ts'
import { until } from './cluster.ts'

const links: PeerLink[] = []
afterEach(() => Promise.all(links.splice(0).map(link => link.close())))

/** Greets on a connection that opens no stream; `heard` of a call: what the peer has said by then. */
function greet(heard: (asked: number) => number) {
  const told = { streams: 0, aborted: '' }
  const connection = {
    status: 'open',
    newStream: (_: string, { signal }: { signal: AbortSignal }) => {
      told.streams++
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    },
    abort: (error: Error) => {
      told.aborted = error.message
    },
  } as unknown as Connection
  let asked = 0
  const link = new PeerLink(
    { peer: 'b', queueBytesMax: 1000, log: silent },
    {
      greeting: () => new Uint8Array(0),
      verify: async () => {},
      up() {},
      down() {},
      refused() {},
      heardOn: () => heard(asked++),
    },
  )
  links.push(link)
  link.add(connection)
  return { told, link }
}

test('no answer to the hello, and nothing else: the connection ends', async () => {
  const { told } = greet(() => 7)
  await until('it is given up', () => told.aborted !== '')
  expect(told).toEqual({ streams: 1, aborted: 'nothing comes from the peer' })
})

test('no answer, but the peer talks: it is greeted again', async () => {
  const { told } = greet(asked => asked)
  await until('it is greeted again', () => told.streams === 2)
  expect(told.aborted).toBe('')
})

test('a line that takes no goodbye is cut all the same, and nothing is thrown', () => {
  const reasons: string[] = []
  const connection = {
    abort(error: Error) {
      reasons.push(error.message)
      if (reasons.length === 1) throw new Error('Cannot write to a stream that is closed')
    },
  } as unknown as Connection
  cut(connection, 'no answer for 3 s')
  expect(reasons).toEqual(['no answer for 3 s', 'no answer for 3 s'])
})
