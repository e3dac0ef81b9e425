/** The package `ws`: Node 20 has no WebSocket of its own, and later ones cannot stop reading. */
import type { Socket as NetSocket } from 'node:net'
import { type OpenSocket, urlOf } from './socket.ts'

export const openWsSocket: OpenSocket = async (endpoint, token, events) => {
  const { WebSocket } = await import('ws')
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const ws = new WebSocket(urlOf(endpoint), { headers, perMessageDeflate: false })
  let carrier: NetSocket | undefined
  let reason = 'the connection was closed'
  ws.on('upgrade', response => {
    carrier = response.socket
  })
  ws.on('open', () => events.open())
  ws.on('message', data => events.message(String(data)))
  ws.on('error', error => {
    reason = error.message
  })
  ws.on('close', (_code, text) => events.close(text.length > 0 ? String(text) : reason))
  return {
    send: text => {
      // Calls of one turn leave in one write: a write for each costs more than everything else about them.
      if (carrier?.writableCorked === 0) corkForTurn(carrier)
      ws.send(text)
    },
    // A closing handshake would wait half a minute for a daemon that is gone.
    close: () => ws.terminate(),
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    hold: busy => void (busy ? carrier?.ref() : carrier?.unref()),
  }
}

function corkForTurn(socket: NetSocket): void {
  socket.cork()
  process.nextTick(() => socket.uncork())
}
