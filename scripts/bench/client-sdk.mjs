/** The library that programs use (docs/client.md), with all that it does for a call: sessions, deadlines, repeats. */
import { connect } from '../../dist/client.js'
import { feed } from './calls.mjs'

/** Over one WebSocket to the first endpoint ("host:port"). Values come as JSON text. */
export function connectSdk(endpoints) {
  const client = connect(`http://${endpoints[0]}`)
  return {
    put: (key, value) => client.kv.put(key, JSON.parse(value)),
    get: (key, consistency) => client.kv.get(key, { consistency }),
    publish: value => client.feed.publish(feed, JSON.parse(value)),
    close: () => client.close(),
  }
}
