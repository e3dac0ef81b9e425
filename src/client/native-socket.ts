/** The platform's own WebSocket: browsers, workers. It cannot carry a token. */
import { type OpenSocket, urlOf } from './socket.ts'

export const openNativeSocket: OpenSocket = async (endpoint, token, events) => {
  if (globalThis.WebSocket === undefined) throw new Error('there is no WebSocket here')
  if (token !== undefined) throw new Error('a WebSocket of a browser cannot carry a token')
  const socket = new WebSocket(urlOf(endpoint))
  socket.addEventListener('open', () => events.open())
  socket.addEventListener('message', event => events.message(String(event.data)))
  socket.addEventListener('close', event =>
    events.close(event.reason === '' ? 'the connection was closed' : event.reason),
  )
  return { send: text => socket.send(text), close: () => socket.close() }
}
