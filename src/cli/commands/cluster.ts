/** members, step-down, ready: the cluster as its nodes see it. */
import { get as httpGet } from 'node:http'
import { normalEndpoint } from '../../client/endpoints.ts'
import { pause } from '../../client/pause.ts'
import { objects } from '../cluster-nodes.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { printable } from '../value.ts'

const READY_MS = 30_000
const READY_POLL_MS = 50

export const members: Run = async context => {
  const answer = await context.client().call('cluster.members')
  const list = objects(answer['members'])
  context.output.print({
    whole: answer,
    items: list,
    people: () => ({
      titles: ['NAME', 'ROLE', 'PEER ID', 'ADDRESSES'],
      rows: list.map(({ name, role, peerId, addresses }) => [
        context.terminal.node(String(name)),
        String(role ?? ''),
        String(peerId),
        printable([addresses ?? []].flat().join(' ')),
      ]),
    }),
  })
  return EXIT.ok
}

export const stepDown: Run = async (context, _args, given) => {
  const [to, shard] = [given.text('to'), given.text('shard')]
  const answer = await context.client().call('cluster.stepDown', {
    ...(to !== undefined && { to }),
    ...(shard !== undefined && { shard }),
  })
  const { view, primary } = answer
  context.output.print({
    whole: answer,
    people: () => `view ${view} has started; primary: ${primary ?? 'not known yet'}`,
  })
  return EXIT.ok
}

/** Waits until every endpoint serves what it claims. */
export const ready: Run = async context => {
  const deadline = Date.now() + (context.timeoutMs ?? READY_MS)
  const waits = context.endpoints.map(async endpoint => {
    for (;;) {
      const seen = await look(normalEndpoint(endpoint), Math.max(1, deadline - Date.now()))
      if (seen === 'ready') return EXIT.ok
      if (Date.now() + READY_POLL_MS >= deadline) {
        const why = seen === 'unreachable' ? 'cannot be reached' : 'is up and not ready'
        context.note(`${endpoint} ${why}`)
        return seen === 'unreachable' ? EXIT.unreachable : EXIT.notReady
      }
      await pause(READY_POLL_MS)
    }
  })
  const codes = await Promise.all(waits)
  return Math.max(...codes)
}

/** One look at /readyz. */
function look(endpoint: string, timeoutMs: number): Promise<'ready' | 'waiting' | 'unreachable'> {
  return new Promise(resolve => {
    const request = httpGet(`${endpoint}/readyz`, { timeout: timeoutMs }, response => {
      response.resume()
      response.on('end', () => resolve(response.statusCode === 200 ? 'ready' : 'waiting'))
    })
    request.on('timeout', () => request.destroy(new Error('silent')))
    request.on('error', error => resolve(error.message === 'silent' ? 'waiting' : 'unreachable'))
  })
}
