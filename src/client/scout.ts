/** Learns where else the cluster answers, from nodes that know their peers' RPC addresses. */
import { isObject } from '../base/json.ts'
import type { Caller } from './caller.ts'
import { isEndpoint, normalEndpoint } from './endpoints.ts'
import { ViewstampError } from './error.ts'

const EVERY_MS = 10_000
const ASK_MS = 1_000

export class Scout {
  readonly #caller: () => Caller
  #isAsking = false
  #nextAt = 0

  constructor(caller: () => Caller) {
    this.#caller = caller
  }

  /** A node has answered: now and then it is asked about the others, beside the calls. */
  readonly answered = (): void => {
    if (this.#isAsking || performance.now() < this.#nextAt) return
    this.#isAsking = true
    void this.#ask().finally(() => {
      this.#isAsking = false
      this.#nextAt = performance.now() + EVERY_MS
    })
  }

  async #ask(): Promise<void> {
    const caller = this.#caller()
    try {
      const { rpc, peers } = await caller.call('cluster.status', {}, { timeoutMs: ASK_MS })
      const told = [rpc, ...(Array.isArray(peers) ? peers : []).map(rpcOf)]
      caller.endpoints.learn(told.filter(isAddress).filter(isEndpoint).map(normalEndpoint))
    } catch (error) {
      // Who does not answer teaches nothing; the next that does is asked again.
      if (!(error instanceof ViewstampError)) throw error
    }
  }
}

const rpcOf = (peer: unknown): unknown => (isObject(peer) ? peer['rpc'] : undefined)
const isAddress = (rpc: unknown): rpc is string => typeof rpc === 'string'
