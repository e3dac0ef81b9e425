/** `viewstamp/client` in Node: WebSockets are those of `ws`. */
import { type Client, type ClientOptions, connectBy } from './connect.ts'
import { openWsSocket } from './ws-socket.ts'

export * from './exports.ts'

/** Nothing is sent before the first call. Throws TypeError for what is no endpoint. */
export function connect(
  endpoints: string | readonly string[],
  options: ClientOptions = {},
): Client {
  return connectBy(openWsSocket, endpoints, options)
}
