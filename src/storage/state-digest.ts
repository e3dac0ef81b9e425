/**
 * The hash of a shard's state from its records alone, one after the other, without the machines that
 * made them: what a checkpoint names (client-table and service) and what `kv.hash` gives (service).
 */
import { StateHash } from '../machine/state-hash.ts'
import { stateHash } from '../vr/checkpoint.ts'
import { emptyClientTable, loadSession } from '../vr/client-table.ts'
import type { ServiceRecord } from '../vr/service.ts'

export class StateDigest {
  readonly #service = new StateHash()
  readonly #clientTable = emptyClientTable()
  #sessions = 0
  #records = 0

  /** A record of the state: «t…» is a session, «s…» one of the service (vr/checkpoint.ts). */
  add({ id, value }: ServiceRecord): void {
    if (value === undefined) return
    if (id.startsWith('t')) {
      loadSession(this.#clientTable, { id: id.slice(1), value })
      this.#sessions++
    } else this.addService({ id: id.slice(1), value })
  }

  /** A record of the service, by the id that the service knows it by. */
  addService({ id, value }: ServiceRecord): void {
    if (value === undefined) return
    this.#service.add(id, value)
    this.#records++
  }

  get sessions(): number {
    return this.#sessions
  }

  /** Those of the service. */
  get records(): number {
    return this.#records
  }

  /** As `kv.hash` gives it. */
  serviceHash(): string {
    return this.#service.hex()
  }

  /** As a checkpoint names it. */
  checkpointHash(): string {
    return checkpointHashOf(this.#service.hex(), this.#clientTable)
  }
}

/** Of a state whose service has this hash; by default without any session. */
export const checkpointHashOf = (serviceHash: string, clientTable = emptyClientTable()): string =>
  stateHash({ clientTable, service: { stateHash: () => serviceHash } })
