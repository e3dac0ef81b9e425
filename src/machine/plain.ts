/**
 * What leaves a machine must be JSON, of bounded depth and size, before anything recursive is run
 * over it: where a stack overflows, and what becomes of a Map or NaN on the way through JSON text,
 * would differ between a replica that computed it and one that loaded it.
 */

export const DEPTH_MAX = 100

/** Why it is not plain JSON, or undefined. */
export function whyNotPlain(value: unknown, charsMax: number): string | undefined {
  const budget: Budget = { chars: charsMax }
  return why(value, '', DEPTH_MAX, budget)
}

interface Budget {
  chars: number
}

function why(value: unknown, path: string, left: number, budget: Budget): string | undefined {
  const place = path === '' ? '' : ` at ${path}`
  budget.chars -= typeof value === 'string' ? value.length + 2 : 2
  if (budget.chars < 0) return 'it is too large'
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : `it holds ${value}${place}`
    case 'object':
      if (value === null) return undefined
      if (left === 0) return `it is nested deeper than ${DEPTH_MAX} levels, or holds itself`
      return whyNotMembers(value, path, left, budget)
    default:
      return `it holds a ${typeof value}${place}`
  }
}

function whyNotMembers(
  value: object,
  path: string,
  left: number,
  budget: Budget,
): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    const name = value.constructor?.name ?? 'class'
    return `it holds a ${name}${path === '' ? '' : ` at ${path}`}`
  }
  for (const [name, inner] of Object.entries(value)) {
    budget.chars -= name.length
    const found = why(inner, path === '' ? name : `${path}.${name}`, left - 1, budget)
    if (found !== undefined) return found
  }
  return undefined
}

/** For JSON.parse's results, which can fail in nothing else. */
export function isTooDeep(value: unknown, left = DEPTH_MAX): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (left === 0) return true
  if (Array.isArray(value)) return value.some(inner => isTooDeep(inner, left - 1))
  for (const name in value) if (isTooDeep(Reflect.get(value, name), left - 1)) return true
  return false
}
