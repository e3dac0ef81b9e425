/** `viewstamp/client` in browsers: WebSockets are the platform's own. */
import { type Client, type ClientOptions, connectBy } from './connect.ts'
import { openNativeSocket } from './native-socket.ts'

export * from './exports.ts'

/** Nothing is sent before the first call. Throws TypeError for what is no endpoint. */
export function connect(
  endpoints: string | readonly string[],
  options: ClientOptions = {},
): Client {
  return connectBy(openNativeSocket, endpoints, options)
}
