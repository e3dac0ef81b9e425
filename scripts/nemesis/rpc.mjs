/** One JSON-RPC call, and what a failed one says of itself. */
import http from 'node:http'

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
let nextId = 1

export class CallError extends Error {
  constructor({ code, message, data = {} }) {
    super(`${data.name ?? code}: ${message}`)
    this.errorName = data.name
    this.outcome = data.outcome
    this.data = data
  }
}

function post(url, body, timeoutMs) {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }
    const request = http.request(
      `${url}/rpc`,
      { agent, method: 'POST', headers, timeout: timeoutMs },
      response => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', part => {
          text += part
        })
        response.on('end', () => resolve(text))
        response.on('error', reject)
      },
    )
    request.on('timeout', () =>
      request.destroy(Object.assign(new Error('no answer in time'), { code: 'LATE' })),
    )
    request.on('error', reject)
    request.end(body)
  })
}

/** The result; throws CallError for an error that was answered, anything else when nothing was. */
export async function call(url, method, params = {}, timeoutMs = 5000) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: nextId++, method, params })
  const answer = JSON.parse(await post(url, body, timeoutMs))
  if (answer.error) throw new CallError(answer.error)
  return answer.result
}
