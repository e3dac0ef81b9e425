/** Calls whose parameters and results the compiler knows by the method's name. */
import type { JsonObject } from '../base/json.ts'
import type { CallOptions } from './caller.ts'
import { META, type Methods } from './methods/index.ts'

export type MethodName = keyof Methods
export type Params<M extends MethodName> = Methods[M]['params']
export type Result<M extends MethodName> = Methods[M]['result']

/** Optional parameters of a method, those left out that are given in front, and what every call may have. */
export type Options<M extends MethodName, Given extends string = never> = Omit<
  Params<M>,
  Given | 'meta'
> &
  CallOptions

export type CallMethod = <M extends string>(
  method: M,
  params?: M extends MethodName ? Params<M> : JsonObject,
  options?: CallOptions,
) => Promise<M extends MethodName ? Result<M> : JsonObject>

/** What of the options is the method's own, and what goes with any call. */
export function split(options: object): {
  readonly params: JsonObject
  readonly call: CallOptions
} {
  const params: Record<string, unknown> = {}
  const call: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    if (name === 'signal' || META.has(name)) call[name] = value
    else params[name] = value
  }
  return { params: params as JsonObject, call }
}

/** A method by name, with parameters in front and options behind them. */
export function callWith<M extends MethodName>(
  call: CallMethod,
  method: M,
  given: JsonObject,
  options: object,
): Promise<Result<M>> {
  const { params, call: how } = split(options)
  const all: JsonObject = { ...params, ...given }
  return call<string>(method, all, how) as Promise<Result<M>>
}
