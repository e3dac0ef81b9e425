/** c.cluster: the nodes as the one that answers sees them. */
import type { JsonObject } from '../base/json.ts'
import type { CallOptions } from './caller.ts'
import { type CallMethod, callWith, type Options, type Result } from './method-call.ts'
import type { Watcher } from './stream.ts'

/** `kind` is one of the contract's, or `watch_resumed`: what happened meanwhile was not seen. */
export interface ClusterEvent extends JsonObject {
  readonly kind: string
}

export class ClusterCalls {
  readonly #call: CallMethod
  readonly #watcher: Watcher

  constructor(call: CallMethod, watcher: Watcher) {
    this.#call = call
    this.#watcher = watcher
  }

  status(options: CallOptions = {}): Promise<Result<'cluster.status'>> {
    return callWith(this.#call, 'cluster.status', {}, options)
  }

  health(options: CallOptions = {}): Promise<Result<'cluster.health'>> {
    return callWith(this.#call, 'cluster.health', {}, options)
  }

  members(options: CallOptions = {}): Promise<Result<'cluster.members'>> {
    return callWith(this.#call, 'cluster.members', {}, options)
  }

  stepDown(options: Options<'cluster.stepDown'> = {}): Promise<Result<'cluster.stepDown'>> {
    const { shard } = options
    return callWith(this.#call, 'cluster.stepDown', shard === undefined ? {} : { shard }, options)
  }

  /** View changes, members and peers, as one node tells them; over fail-overs, which it mentions. */
  async *watch(
    options: { readonly kinds?: readonly string[]; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<ClusterEvent> {
    const { kinds, signal } = options
    const params = kinds === undefined ? {} : { kinds }
    let isAgain = false
    for await (const each of this.#watcher.subscribe('cluster.watch', params, { signal })) {
      if (each.type === 'event') yield each.event['result'] as ClusterEvent
      else if (each.type === 'open') {
        if (isAgain) yield { kind: 'watch_resumed', endpoint: each.endpoint }
        isAgain = true
      }
    }
  }
}
