/** node:http with keep-alive: loads in a tenth of the time that fetch takes, which a CLI feels. */
import { Agent, request as httpRequest } from 'node:http'
import { request as httpsRequest, Agent as TlsAgent } from 'node:https'
import { aborted, noAnswer } from './error.ts'
import { networkError, type Transport } from './transport.ts'

/** A transport with its own pool of connections; they do not keep the process alive when idle. */
export function httpTransport(maxSockets = 64): Transport {
  const agent = new Agent({ keepAlive: true, maxSockets })
  let tlsAgent: TlsAgent | undefined

  return ({ endpoint, body, headers, timeoutMs, signal }) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted('none', signal))
      const url = new URL(`${endpoint}/rpc`)
      const tls = url.protocol === 'https:'
      if (tls) tlsAgent ??= new TlsAgent({ keepAlive: true, maxSockets })
      const send = tls ? httpsRequest : httpRequest
      const request = send(url, {
        method: 'POST',
        agent: tls ? tlsAgent : agent,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        ...(signal && { signal }),
      })
      const timer = setTimeout(() => request.destroy(noAnswer(endpoint, timeoutMs)), timeoutMs)
      const fail = (error: Error): void => {
        clearTimeout(timer)
        if (signal?.aborted) reject(aborted('unknown', signal))
        else reject(error.name === 'TIMEOUT' ? error : networkError(endpoint, error))
      }
      request.on('error', fail)
      request.on('response', response => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', fail)
        response.on('end', () => {
          clearTimeout(timer)
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(parts).toString('utf8'),
          })
        })
      })
      request.end(body)
    })
}
