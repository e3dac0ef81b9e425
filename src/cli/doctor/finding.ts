/** What doctor says of one thing: a line, and what to do next where something is wrong. */
export interface Finding {
  readonly state: 'ok' | 'warn' | 'fail'
  /** What was looked at. */
  readonly check: string
  readonly detail: string
  readonly next?: string
}

export const ok = (check: string, detail: string): Finding => ({ state: 'ok', check, detail })

export const warn = (check: string, detail: string, next: string): Finding => ({
  state: 'warn',
  check,
  detail,
  next,
})

export const fail = (check: string, detail: string, next: string): Finding => ({
  state: 'fail',
  check,
  detail,
  next,
})

/** `wrong` with its reason when there is one, else ok. */
export const unless = (wrong: Finding | undefined, check: string, detail: string): Finding =>
  wrong ?? ok(check, detail)

export const mib = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.floor(bytes / 2 ** 20)} MiB`

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error)
