import type { AddressInfo } from 'node:net'
import { Socket as NetSocket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import type { Socket } from '../../src/client/socket.ts'
import { openWsSocket } from '../../src/client/ws-socket.ts'

afterEach(() => vi.restoreAllMocks())

test('what is sent in one turn leaves in one write, whole and in order', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const texts = Array.from({ length: 20 }, (_, n) => `call ${n}`)
  const received = new Promise<string[]>(resolve => {
    const heard: string[] = []
    server.on('connection', peer => {
      peer.on('message', data => {
        if (heard.push(String(data)) === 2 * texts.length) resolve(heard)
      })
    })
  })
  const socket = await new Promise<Socket>(resolve => {
    const events = { open: () => resolve(opening), message: () => {}, close: () => {} }
    const opening = openWsSocket(`http://127.0.0.1:${port}`, undefined, events)
  })

  const writes = vi.spyOn(NetSocket.prototype, '_writev' as 'write')
  for (let round = 1; round <= 2; round++) {
    for (const text of texts) socket.send(text)
    await new Promise(setImmediate)
    const ours = writes.mock.contexts.filter(each => (each as NetSocket).remotePort === port)
    expect(ours).toHaveLength(round)
  }
  expect(await received).toEqual([...texts, ...texts])
  socket.close()
  server.close()
})
