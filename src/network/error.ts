/** Trouble with keys, ports, peers or founding: `message` says what is wrong and what to do next. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError'
  readonly reason: NetworkReason

  constructor(reason: NetworkReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.reason = reason
  }
}

export type NetworkReason =
  /** A key file is missing, readable by others, or not a key. */
  | 'key-file'
  /** The address to listen on is taken or not ours. */
  | 'listen'
  /** An address in the configuration is not a TCP multiaddr. */
  | 'address'
  /** Founders want different things: another cluster id, another number of founders … */
  | 'disagreement'
  /** The peers know this node as a member, but its data directory does not. */
  | 'wiped'
  /** The cluster exists and this node is not in it. */
  | 'not-a-member'
  /** A peer has seen a later life of this node, or another copy of it. */
  | 'fenced'
  /** Cancelled by the caller. */
  | 'cancelled'
