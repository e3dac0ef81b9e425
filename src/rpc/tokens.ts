/**
 * Who may call: bearer tokens, of which the file holds hashes. One a line:
 *
 *   sha256:<64 hex digits> [name]      (printf %s TOKEN | sha256sum)
 *
 * A line that was removed stops to count within a second.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import type { RpcLog } from './errors.ts'
import { StartError } from './start-error.ts'

const LOOK_MS = 1_000
const LINE = /^sha256:([0-9a-fA-F]{64})(?:\s+(\S.*))?$/

export class Tokens {
  readonly #file: string
  readonly #log: RpcLog
  #hashes: readonly Buffer[]
  #changedMs: number
  #lookedMs: number

  /** Throws StartError. */
  constructor(file: string, log: RpcLog) {
    this.#file = file
    this.#log = log
    this.#hashes = readTokens(file)
    this.#changedMs = statSync(file).mtimeMs
    this.#lookedMs = performance.now()
  }

  /** What counts now: another object whenever the file has changed. */
  get list(): object {
    this.#look()
    return this.#hashes
  }

  /** Of the header `Authorization: Bearer <token>`. */
  admits(authorization: string | undefined): boolean {
    this.#look()
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return false
    const hash = createHash('sha256').update(token).digest()
    let found = false
    // All are compared, so that the time does not tell which one was near.
    for (const known of this.#hashes) if (timingSafeEqual(known, hash)) found = true
    return found
  }

  #look(): void {
    const nowMs = performance.now()
    if (nowMs - this.#lookedMs < LOOK_MS) return
    this.#lookedMs = nowMs
    try {
      const changedMs = statSync(this.#file).mtimeMs
      if (changedMs === this.#changedMs) return
      this.#hashes = readTokens(this.#file)
      this.#changedMs = changedMs
      this.#log.info({ file: this.#file, tokens: this.#hashes.length }, 'tokens were read again')
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#log.error({ file: this.#file, reason }, 'tokens cannot be read: those known stay valid')
    }
  }
}

function readTokens(file: string): readonly Buffer[] {
  const hashes: Buffer[] = []
  for (const [i, raw] of readFile(file).split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const hex = LINE.exec(line)?.[1]
    if (hex === undefined) {
      const sentence = `${file}:${i + 1} is not a token: write sha256:<64 hex digits> and a name`
      throw new StartError('BAD_TOKENS_FILE', sentence)
    }
    hashes.push(Buffer.from(hex, 'hex'))
  }
  if (hashes.length > 0) return hashes
  throw new StartError('BAD_TOKENS_FILE', `${file} holds no token: write sha256:<64 hex digits>`)
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const sentence = `${file} cannot be read: give rpc.tokensFile a file that this user may read`
    throw new StartError('BAD_TOKENS_FILE', sentence, { cause: error })
  }
}
