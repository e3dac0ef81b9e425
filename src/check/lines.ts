/** A history as JSON lines, one thing a line in any order (docs/check.md). */

/** `problemOf` says what is wrong with a line. Throws an Error that names it. Empty lines are none. */
export function parseLines<T>(
  text: string,
  problemOf: (value: unknown) => string | undefined,
): T[] {
  const parsed: T[] = []
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return
    const wrong = (what: string): Error => new Error(`line ${i + 1} of the history: ${what}`)
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch {
      throw wrong('is no JSON')
    }
    const problem = problemOf(value)
    if (problem !== undefined) throw wrong(problem)
    parsed.push(value as T)
  })
  return parsed
}
