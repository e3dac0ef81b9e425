/** The subscriptions of one connection. They end with it. */
import { ViewstampError } from '../base/errors.ts'
import type { RpcLog } from './errors.ts'
import type { RpcLimits } from './limits.ts'
import type { Caller, EventSource, Start, SubscriptionHost, SubscriptionInfo } from './method.ts'
import type { RpcMetrics } from './metrics.ts'
import { type Link, Subscription } from './subscription.ts'

export interface SubscriptionsOptions {
  readonly link: Link
  readonly limits: Pick<RpcLimits, 'subscriptions' | 'buffer'>
  readonly metrics: RpcMetrics
  readonly nowMs: () => number
  readonly log: RpcLog
}

export class Subscriptions implements SubscriptionHost {
  readonly #options: SubscriptionsOptions
  readonly #all = new Map<string, Subscription>()
  #opened = 0

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  open(caller: Caller, source: EventSource): { subscription: string } & Start {
    const { limits, link, nowMs, metrics, log } = this.#options
    if (this.#all.size >= limits.subscriptions) {
      const limit = limits.subscriptions
      const sentence = `the connection has ${limit} subscriptions, its limit: cancel one, or open another connection`
      throw new ViewstampError('TOO_LARGE', sentence, { limit })
    }
    const id = `s${++this.#opened}`
    const queueMax = limits.buffer
    const subscription = new Subscription({ id, source, link, queueMax, nowMs, log })
    const start = subscription.start()
    this.#all.set(id, subscription)
    metrics.subscribed(source.method, 1)
    caller.answered ??= []
    caller.answered.push(() => subscription.answered())
    return { subscription: id, ...start }
  }

  cancel(id: string): boolean {
    const subscription = this.#all.get(id)
    if (subscription === undefined) return false
    subscription.cancel()
    this.#remove(id, subscription)
    return true
  }

  list(): readonly SubscriptionInfo[] {
    return [...this.#all.values()].map(subscription => subscription.info)
  }

  drained(): void {
    for (const [id, subscription] of this.#all) {
      subscription.drained()
      if (subscription.finished) this.#remove(id, subscription)
    }
  }

  tick(): void {
    for (const [id, subscription] of this.#all) {
      subscription.tick()
      if (subscription.finished) this.#remove(id, subscription)
    }
  }

  cancelAll(): void {
    for (const id of [...this.#all.keys()]) this.cancel(id)
  }

  #remove(id: string, subscription: Subscription): void {
    this.#all.delete(id)
    this.#options.metrics.subscribed(subscription.info.method, -1)
  }
}
