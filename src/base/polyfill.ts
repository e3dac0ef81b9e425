/**
 * Node 20 has no `Promise.withResolvers`, which libp2p 3 calls in every handshake; without it a
 * dial fails with a misleading ECONNRESET. First import of every entry point that reaches libp2p.
 */
interface Resolvers<T> {
  promise: Promise<T>
  resolve: (value: T | PromiseLike<T>) => void
  reject: (reason?: unknown) => void
}

const holder = Promise as unknown as { withResolvers?: <T>() => Resolvers<T> }
holder.withResolvers ??= function withResolvers<T>(): Resolvers<T> {
  let resolve!: Resolvers<T>['resolve']
  let reject!: Resolvers<T>['reject']
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
