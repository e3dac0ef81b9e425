/** What must hold and does not: a bug here, never bad input. The replica that meets one stops. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** States a fact; throws when it is false. `fact` is the truth, not the failure. */
export function assert(condition: boolean, fact: string): asserts condition {
  if (!condition) throw new AssertionError(`does not hold: ${fact}`)
}

/** The value, which is known to be there. */
export function present<T>(value: T | undefined, fact: string): T {
  if (value === undefined) throw new AssertionError(`does not hold: ${fact}`)
  return value
}

/** For the `default` of an exhaustive switch over a union that the types have closed. */
export function unreachable(value: never): never {
  throw new AssertionError(`does not hold: ${JSON.stringify(value)} is a member of its union`)
}
