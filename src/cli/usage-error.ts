/** The command line is wrong; the message says how. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
