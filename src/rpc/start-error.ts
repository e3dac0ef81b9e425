/** Why the RPC port is not opened: a sentence that says what to do. */
export type StartFailure = 'PORT_IN_USE' | 'CANNOT_LISTEN' | 'UNSAFE_LISTEN' | 'BAD_TOKENS_FILE'

export class StartError extends Error {
  override readonly name = 'StartError'
  readonly code: StartFailure

  constructor(code: StartFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
