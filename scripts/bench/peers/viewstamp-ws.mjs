/** The path `viewstamp-ws` of the peers' harness: calls pipelined over one WebSocket. */
import { connectWebSocket } from '../client-websocket.mjs'
import { asPeer } from './viewstamp.mjs'

export { Cluster } from './viewstamp.mjs'

export async function connect(endpoints) {
  return asPeer(await connectWebSocket(endpoints))
}
