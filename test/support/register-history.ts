/**
 * Is the history of one register linearizable? Search after Wing & Gong with Lowe's memory of (operations
 * done, value). An operation of unknown outcome may take effect at any time after its call, or never.
 */
export interface RegisterOp {
  readonly f: 'get' | 'put' | 'cas' | 'del'
  readonly value?: number
  readonly expected?: number
  readonly calledNs: number
  /** Infinity: no answer; it may still happen. */
  readonly returnedNs: number
  /** get: the value or null · cas, del: whether it succeeded · undefined: not known. */
  readonly result?: number | boolean | null | undefined
}

const STEPS_MAX = 5_000_000

export function isLinearizable(ops: readonly RegisterOp[]): 'yes' | 'no' | 'undecided' {
  const sorted = [...ops].sort((a, b) => a.calledNs - b.calledNs)
  const n = sorted.length
  const done = new Uint8Array(n)
  const seen = new Set<string>()
  let steps = 0

  /** `first`: everything before it is done. True: an order was found. */
  const search = (first: number, value: number | null): boolean => {
    let start = first
    while (start < n && done[start]) start++
    // All that returned is placed; what did not return need not happen.
    let bound = Number.POSITIVE_INFINITY
    let isOpen = false
    for (let i = start; i < n; i++) {
      const op = sorted[i] as RegisterOp
      if (done[i]) continue
      if (op.returnedNs !== Number.POSITIVE_INFINITY) isOpen = true
      if (op.calledNs > bound) break
      bound = Math.min(bound, op.returnedNs)
    }
    if (!isOpen) return true
    const key = `${value}:${start}:${signature(done, start, sorted, bound)}`
    if (seen.has(key)) return false
    seen.add(key)
    for (let i = start; i < n; i++) {
      const op = sorted[i] as RegisterOp
      if (op.calledNs > bound) break
      if (done[i]) continue
      if (++steps > STEPS_MAX) return false
      const next = apply(op, value)
      if (next === undefined) continue
      done[i] = 1
      if (search(start, next)) return true
      done[i] = 0
    }
    return false
  }
  if (search(0, null)) return 'yes'
  return steps > STEPS_MAX ? 'undecided' : 'no'
}

function signature(
  done: Uint8Array,
  start: number,
  sorted: readonly RegisterOp[],
  bound: number,
): string {
  let out = ''
  for (let i = start; i < sorted.length; i++) {
    if ((sorted[i] as RegisterOp).calledNs > bound) break
    if (done[i]) out += `${i},`
  }
  return out
}

/** The value afterwards; undefined: the result contradicts the value. */
function apply(op: RegisterOp, value: number | null): number | null | undefined {
  const known = op.result !== undefined
  switch (op.f) {
    case 'get':
      return op.result === value ? value : undefined
    case 'put':
      return op.value ?? null
    case 'cas': {
      const hit = value === op.expected
      if (known && op.result !== hit) return undefined
      return hit ? (op.value ?? null) : value
    }
    case 'del': {
      if (known && op.result !== (value !== null)) return undefined
      return null
    }
  }
}
