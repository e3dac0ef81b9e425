/** What comes and goes: subscriptions, sessions, connections. Afterwards everything is as it was. */
import { readdirSync } from 'node:fs'
import { WebSocket } from 'ws'
import { callOnce } from '../bench/client-http.mjs'
import { sleep } from '../bench/processes.mjs'

/** A WebSocket with calls and events. */
export function open(endpoint) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`ws://${endpoint}/rpc`)
    const waiting = new Map()
    const events = []
    let nextId = 1
    ws.on('message', data => {
      const message = JSON.parse(String(data))
      if (message.method === 'sub.event') events.push(message.params)
      else waiting.get(message.id)?.(message)
    })
    ws.once('error', reject)
    const call = (method, params) =>
      new Promise(done => {
        const id = nextId++
        waiting.set(id, done)
        ws.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
      })
    ws.once('open', () => resolve({ ws, call, events }))
  })
}

/** Open files of the process, and its subscriptions as its metrics tell. */
async function counts(endpoint, pid) {
  const text = await (await fetch(`http://${endpoint}/metrics`)).text()
  const subscriptions = [...text.matchAll(/^viewstamp_subscriptions\{.*\} (\d+)$/gm)]
  return {
    files: readdirSync(`/proc/${pid}/fd`).length,
    subscriptions: subscriptions.reduce((sum, found) => sum + Number(found[1]), 0),
  }
}

export async function churn(cluster, { subscriptions, sessions, reconnects }) {
  const [endpoint] = cluster.endpoints
  const [pid] = cluster.pids
  const before = await counts(endpoint, pid)
  const { ws, call } = await open(endpoint)
  for (let i = 0; i < subscriptions; i++) {
    const { result } = await call('kv.watch', { prefix: `churn/${i}` })
    await call('sub.cancel', { subscription: result.subscription })
  }
  for (let i = 0; i < sessions; i++) {
    const { session } = await callOnce(endpoint, 'session.open')
    await callOnce(endpoint, 'session.close', { session })
  }
  ws.terminate()
  for (let i = 0; i < reconnects; i++) {
    const each = await open(endpoint)
    await each.call('kv.watch', { prefix: '' })
    each.ws.terminate()
  }
  // Files of LevelDB come and go with its compactions; those of connections are gone after a moment.
  let after = await counts(endpoint, pid)
  for (let i = 0; i < 50 && after.files > before.files + 5; i++) {
    await sleep(100)
    after = await counts(endpoint, pid)
  }
  return { before, after }
}
