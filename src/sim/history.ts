/**
 * What clients asked and what they were told, in virtual time. An operation whose outcome the client
 * never learnt is settled from the log: it took effect before its first execution, or not at all.
 */
export interface Operation {
  readonly id: number
  readonly client: number
  /** The session that carries it; reads outside of the log have none. */
  readonly session: string | undefined
  readonly requestNumber: number
  readonly key: string
  /** A read outside of the log: `get K`, or `peek K` if it may be of an earlier state. */
  readonly operation: string
  /** The latest Lamport time that the client said it had seen. */
  readonly seen: number
  readonly calledMs: number
  returnedMs: number | undefined
  result: string | undefined
  /** Times it was sent into the cluster, and how many of these were answered `refused`. */
  sendings: number
  refusals: number
}

export class History {
  readonly operations: Operation[] = []
  readonly #requests = new Map<string, Operation>()

  request(session: string, requestNumber: number): Operation | undefined {
    return this.#requests.get(`${session}#${requestNumber}`)
  }

  call(
    fields: Omit<Operation, 'id' | 'returnedMs' | 'result' | 'sendings' | 'refusals'>,
  ): Operation {
    const operation: Operation = {
      ...fields,
      id: this.operations.length,
      returnedMs: undefined,
      result: undefined,
      sendings: 0,
      refusals: 0,
    }
    this.operations.push(operation)
    const { session, requestNumber } = operation
    if (session !== undefined) this.#requests.set(`${session}#${requestNumber}`, operation)
    return operation
  }
}
