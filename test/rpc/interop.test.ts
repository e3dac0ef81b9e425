/** Clients that others wrote: jayson, json-rpc-2.0 and Python's standard library. */
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import jayson from 'jayson/promise/index.js'
import { JSONRPCClient } from 'json-rpc-2.0'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { ask, serve } from './harness.ts'

describe('jayson', () => {
  test('HTTP: a call, an error, a notification, a batch', async () => {
    const { port, node } = await serve()
    const client = jayson.Client.http({ host: '127.0.0.1', port, path: '/rpc' })
    const put = await client.request('kv.put', { key: 'k', value: 1 })
    expect(put.result.rev).toBe(1)
    expect((await client.request('kv.get', ['k'])).result.kv.value).toBe(1)
    expect((await client.request('nope', [])).error.code).toBe(-32601)
    await client.request('kv.put', ['k', 2], null as never)
    expect(node.calls.at(-1)?.body).toMatchObject({ op: 'put', value: 2 })
    const batch = await client.request([
      client.request('kv.incr', ['n'], undefined, false),
      client.request('kv.incr', ['n'], undefined, false),
    ])
    expect(batch.map((each: { result: { value: number } }) => each.result.value)).toEqual([1, 2])
  })

  test('WebSocket: calls and a batch', async () => {
    const { url } = await serve()
    const ws = new WebSocket(`${url.replace('http', 'ws')}/rpc`)
    await new Promise(resolve => ws.once('open', resolve))
    const client = jayson.Client.websocket({ ws: ws as never })
    expect((await client.request('kv.put', ['k', 1])).result.rev).toBe(1)
    const batch = await client.request([
      client.request('kv.get', ['k'], undefined, false),
      client.request('system.ping', [], undefined, false),
    ])
    expect(batch).toHaveLength(2)
    ws.terminate()
  })
})

describe('json-rpc-2.0', () => {
  test('HTTP: calls, an error, a notification', async () => {
    const { url, node } = await serve()
    const client: JSONRPCClient = new JSONRPCClient(async request => {
      const got = await ask(url, { body: JSON.stringify(request) })
      if (got.status === 200) client.receive(got.json)
      else expect(got.status).toBe(204)
    })
    expect(await client.request('kv.put', { key: 'k', value: [1] })).toMatchObject({ rev: 1 })
    await expect(client.request('kv.get', { key: 1 })).rejects.toMatchObject({
      code: -32602,
      data: { path: 'key' },
    })
    client.notify('kv.put', ['k', 2])
    while (node.calls.length < 2) await new Promise(resolve => setImmediate(resolve))
  })

  test('WebSocket: 100 calls at a time', async () => {
    const { url } = await serve()
    const ws = new WebSocket(`${url.replace('http', 'ws')}/rpc`)
    await new Promise(resolve => ws.once('open', resolve))
    const client = new JSONRPCClient(async request => ws.send(JSON.stringify(request)))
    ws.on('message', data => client.receive(JSON.parse(String(data))))
    const calls = Array.from({ length: 100 }, () => client.request('kv.incr', ['n']))
    const values = (await Promise.all(calls)).map(result => result.value)
    expect(values).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    ws.terminate()
  })
})

const PYTHON = `
import http.client, json, sys, urllib.request
url, port = sys.argv[1], int(sys.argv[2])
def body(method, params): return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
ask = urllib.request.Request(url + "/rpc", body("kv.put", {"key": "k", "value": "é"}), {"Content-Type": "application/json"})
print(json.load(urllib.request.urlopen(ask))["result"]["rev"])
c = http.client.HTTPConnection("127.0.0.1", port)
for method, params in (("kv.get", ["k"]), ("nope", [])):
    c.request("POST", "/rpc", body(method, params), {"Content-Type": "application/json"})
    print(json.dumps(json.load(c.getresponse())))
`
const hasPython = spawnSync('python3', ['--version']).status === 0

test.runIf(hasPython)('Python: urllib and http.client, on a kept connection', async () => {
  const { url, port } = await serve()
  const { stdout } = await promisify(execFile)('python3', ['-c', PYTHON, url, String(port)])
  const [rev, get, nope] = stdout.trim().split('\n')
  expect(rev).toBe('1')
  expect(JSON.parse(get ?? '').result.kv.value).toBe('é')
  expect(JSON.parse(nope ?? '').error.code).toBe(-32601)
})
