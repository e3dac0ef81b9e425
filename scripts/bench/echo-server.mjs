/**
 * The upper limit of any JSON-RPC server in Node: node:http and ws, the body parsed, a Map, an
 * answer of the usual shape; no log, no disk, no other node. `node echo-server.mjs PORT`.
 */
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const port = Number(process.argv[2])
const values = new Map()
let rev = 0

function answer({ id, method, params }) {
  const header = `{"cluster":"echo","node":"n1","shard":"main","epoch":0,"view":0,"op":${rev},"commit":${rev},"primary":"n1","timeMs":0}`
  if (method === 'kv.put') {
    values.set(params.key, params.value)
    return `{"jsonrpc":"2.0","id":${id},"result":{"rev":${++rev},"header":${header}}}`
  }
  if (method === 'kv.get') {
    const value = JSON.stringify(values.get(params.key) ?? null)
    return `{"jsonrpc":"2.0","id":${id},"result":{"kv":{"key":"${params.key}","value":${value},"rev":1},"header":${header}}}`
  }
  return `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"an echo knows kv.put and kv.get only"}}`
}

function respond(text) {
  const body = JSON.parse(text)
  return Array.isArray(body) ? `[${body.map(answer).join(',')}]` : answer(body)
}

const server = createServer((request, response) => {
  const chunks = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('end', () => {
    const text = respond(Buffer.concat(chunks).toString())
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    })
    response.end(text)
  })
})
const sockets = new WebSocketServer({ server, path: '/rpc', perMessageDeflate: false })
sockets.on('connection', socket => {
  socket.on('message', message => socket.send(respond(message.toString())))
})
// A parent that died took its pipe with it: an echo without a benchmark has nothing to do.
process.on('disconnect', () => process.exit(0))
server.listen(port, '127.0.0.1', () => process.send?.({ port: server.address().port }))
