/**
 * Lists to which unique elements are appended, judged in time linear in the history: every read is a
 * prefix of the longest, what was acknowledged is in every later read, and the order of elements
 * respects the order in time. It finds nearly all that the search finds, and takes millions.
 */
import type { Json } from '../base/json.ts'
import type { RecordedOp } from './history.ts'

export interface Finding {
  readonly what: string
  /** The operations that contradict each other. */
  readonly ops: readonly RecordedOp[]
}

/** The history of one key, without what failed for certain. Undefined: nothing is wrong. */
export function appendFinding(ops: readonly RecordedOp[]): Finding | undefined {
  const reads = ops.filter(({ op, status }) => op === 'get' && status === 'ok')
  const appends = ops.filter(({ op }) => op === 'append')
  const longest = reads.reduce<RecordedOp | undefined>(
    (best, read) => (best === undefined || lengthOf(read) > lengthOf(best) ? read : best),
    undefined,
  )
  if (longest === undefined) return undefined
  const places = new Map<string, number>()
  for (const [i, element] of elementsOf(longest).entries()) {
    const text = JSON.stringify(element)
    if (places.has(text)) return { what: `${text} was appended twice`, ops: [longest] }
    places.set(text, i)
  }
  return (
    wrongElement(appends, longest) ?? notPrefix(reads, longest) ?? outOfTime(reads, appends, places)
  )
}

const elementsOf = ({ result }: RecordedOp): readonly Json[] =>
  Array.isArray(result) ? result : []
const lengthOf = (read: RecordedOp): number => elementsOf(read).length
const elementOf = ({ args }: RecordedOp): string => JSON.stringify(args[0] ?? null)

/** Nobody appended it, or whoever did was told that it was not done. */
function wrongElement(appends: readonly RecordedOp[], longest: RecordedOp): Finding | undefined {
  const asked = new Map(appends.map(each => [elementOf(each), each]))
  for (const element of elementsOf(longest)) {
    const text = JSON.stringify(element)
    const append = asked.get(text)
    if (append === undefined) return { what: `nobody appended ${text}`, ops: [longest] }
    if (append.status === 'fail') {
      return { what: `${text} is there, and its append was not done`, ops: [append, longest] }
    }
  }
  return undefined
}

function notPrefix(reads: readonly RecordedOp[], longest: RecordedOp): Finding | undefined {
  const whole = elementsOf(longest).map(element => JSON.stringify(element))
  const other = reads.find(read =>
    elementsOf(read).some((element, i) => JSON.stringify(element) !== whole[i]),
  )
  if (other === undefined) return undefined
  return { what: 'two reads saw different orders', ops: [other, longest] }
}

/** The history in order of time: at each moment the list has at least so many elements, for a reason. */
function outOfTime(
  reads: readonly RecordedOp[],
  appends: readonly RecordedOp[],
  places: ReadonlyMap<string, number>,
): Finding | undefined {
  const acknowledged = appends.filter(({ status }) => status === 'ok')
  const over = [...reads, ...acknowledged].sort((a, b) => endOf(a) - endOf(b))
  const called = [...reads, ...appends.filter(({ status }) => status !== 'fail')]
  called.sort((a, b) => a.called - b.called)
  const lastCalled = latestCalls(appends, places)
  let least = { length: 0, why: undefined as RecordedOp | undefined }
  let next = 0
  for (const op of called) {
    for (; next < over.length && endOf(over[next] as RecordedOp) < op.called; next++) {
      const why = over[next] as RecordedOp
      const place = places.get(elementOf(why))
      const length = why.op === 'get' ? lengthOf(why) : place === undefined ? Infinity : place + 1
      if (length > least.length) least = { length, why }
    }
    const has = op.op === 'get' ? lengthOf(op) : (places.get(elementOf(op)) ?? Infinity)
    if (has < least.length && least.why !== undefined) {
      const what = op.op === 'get' ? 'a read misses what was there before' : 'appended out of order'
      return { what, ops: [least.why, op] }
    }
    const future = op.op === 'get' ? lastCalled[lengthOf(op) - 1] : undefined
    if (future !== undefined && future.called > endOf(op)) {
      return { what: 'a read sees what was appended later', ops: [op, future] }
    }
  }
  return undefined
}

const endOf = ({ returned }: RecordedOp): number => returned ?? Number.POSITIVE_INFINITY

/** By place: of all elements up to it the one whose append was called last. */
function latestCalls(
  appends: readonly RecordedOp[],
  places: ReadonlyMap<string, number>,
): readonly RecordedOp[] {
  const byPlace: RecordedOp[] = []
  for (const append of appends) {
    const place = places.get(elementOf(append))
    if (place !== undefined) byPlace[place] = append
  }
  let latest: RecordedOp | undefined
  return byPlace.map(append => {
    if (latest === undefined || append.called > latest.called) latest = append
    return latest
  })
}
