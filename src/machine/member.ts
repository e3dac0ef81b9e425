/** Reading members of a command that came as JSON; what does not fit is INVALID_PARAMS, with the path. */
import type { Json, JsonObject } from '../base/json.ts'
import { Rejected } from './machine.ts'

export function invalid(path: string, message: string): Rejected {
  return new Rejected('INVALID_PARAMS', message, { path })
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function objectOf(value: Json | undefined, path: string): JsonObject {
  if (isJsonObject(value)) return value
  throw invalid(path, `${path} must be an object`)
}

/** Absent is an empty list. */
export function listOf(command: JsonObject, name: string): readonly Json[] {
  const value = command[name]
  if (value === undefined) return []
  if (!Array.isArray(value)) throw invalid(name, `${name} must be an array`)
  return value
}

/** Absent is false. */
export function isSet(command: JsonObject, name: string): boolean {
  const value = command[name]
  if (value === undefined) return false
  if (typeof value !== 'boolean') throw invalid(name, `${name} must be true or false`)
  return value
}

export function integerOf(
  command: JsonObject,
  name: string,
  bounds: { readonly min: number; readonly max: number },
): number | undefined {
  const value = command[name]
  if (value === undefined) return undefined
  const { min, max } = bounds
  if (!Number.isSafeInteger(value) || typeof value !== 'number' || value < min || value > max) {
    throw invalid(name, `${name} must be an integer from ${min} to ${max}`)
  }
  return value
}

export function numberOf(command: JsonObject, name: string): number | undefined {
  const value = command[name]
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw invalid(name, `${name} must be a number`)
  }
  return value
}
