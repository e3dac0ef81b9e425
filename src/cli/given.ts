/** The options of one call: from flags, else from VIEWSTAMP_<FLAG>; each read as what it must be. */
import { parseDuration } from '../daemon/units.ts'
import { UsageError } from './usage-error.ts'

type Environment = Readonly<Record<string, string | undefined>>

export class Given {
  readonly #flags: Readonly<Record<string, unknown>>
  readonly #env: Environment

  /** `flags` by camel-case name, only those that stand on the command line. */
  constructor(flags: Readonly<Record<string, unknown>>, env: Environment) {
    this.#flags = flags
    this.#env = env
  }

  text(name: string): string | undefined {
    const flag = this.#flags[name]
    if (typeof flag === 'string') return flag
    const env = this.#env[environmentName(name)]
    return env === undefined || env === '' ? undefined : env
  }

  /** A repeated flag, or one environment variable with commas. */
  list(name: string): readonly string[] {
    const flag = this.#flags[name]
    if (Array.isArray(flag)) return flag as string[]
    return (this.text(name) ?? '').split(',').filter(text => text !== '')
  }

  /** True or false when given, undefined when not. `--no-x` is the flag x being false. */
  flag(name: string): boolean | undefined {
    const flag = this.#flags[name]
    if (typeof flag === 'boolean') return flag
    const env = this.#env[environmentName(name)]?.toLowerCase()
    if (env === undefined || env === '') return undefined
    return !['0', 'false', 'no', 'off'].includes(env)
  }

  integer(name: string, min = 0): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value) || value < min) {
      throw new UsageError(`${this.where(name)} must be a whole number from ${min}, not '${text}'`)
    }
    return value
  }

  /** Milliseconds. */
  duration(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const ms = parseDuration(text)
    if (ms === undefined) {
      throw new UsageError(
        `${this.where(name)} must be a duration such as 250ms or 5s, not '${text}'`,
      )
    }
    return ms
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const found = choices.find(each => each === text)
    if (found !== undefined) return found
    throw new UsageError(`${this.where(name)} must be ${choices.join(', ')}, not '${text}'`)
  }

  /** How the user gave it: `--timeout` or `VIEWSTAMP_TIMEOUT`. */
  where(name: string): string {
    return this.#flags[name] === undefined ? environmentName(name) : flagName(name)
  }
}

/** dataDir → --data-dir */
function flagName(name: string): string {
  return `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
}

/** dataDir → VIEWSTAMP_DATA_DIR */
function environmentName(name: string): string {
  return `VIEWSTAMP_${name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`
}
