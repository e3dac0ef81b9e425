/** Durations (`250ms`, `5s`, `1h`, `7d`) and sizes (`512KiB`, `4MiB`) as people write them. */

const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
} as const

/** Milliseconds, or undefined if the text is no duration. */
export function parseDuration(text: string): number | undefined {
  return parse(text, MILLISECONDS)
}

/** Bytes, or undefined if the text is no size. A bare number is bytes. */
export function parseSize(text: string): number | undefined {
  return parse(text, BYTES, 1)
}

/** The shortest exact form: 90000 is `90s`, 86400000 is `1d`. */
export function formatDuration(ms: number): string {
  return format(ms, MILLISECONDS)
}

/** The shortest exact form in powers of 1024: 4194304 is `4MiB`. */
export function formatSize(bytes: number): string {
  const { B, KiB, MiB, GiB, TiB } = BYTES
  return format(bytes, { B, KiB, MiB, GiB, TiB })
}

function parse(
  text: string,
  units: Readonly<Record<string, number>>,
  bare?: number,
): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text.trim())
  if (match === null) return undefined
  const [, digits = '', unit = ''] = match
  const factor = unit === '' ? bare : Object.hasOwn(units, unit) ? units[unit] : undefined
  if (factor === undefined) return undefined
  const product = Number(digits) * factor
  // 2.01 · 1000 is 2009.9999999999998: what is a whole number but for the last bits is meant as one.
  const whole = Math.round(product)
  const value = Math.abs(product - whole) <= whole * 4 * Number.EPSILON ? whole : product
  return Number.isSafeInteger(value) ? value : undefined
}

function format(value: number, units: Readonly<Record<string, number>>): string {
  let best = `${value}`
  for (const [unit, factor] of Object.entries(units)) {
    if (factor === 1 || (value !== 0 && value % factor === 0)) best = `${value / factor}${unit}`
  }
  return best
}
