/** The same object with some members of our own: what a decorator does not name goes through. */
export function overlay<T extends object>(target: T, own: Partial<T>): T {
  // Methods of classes with private fields want their own `this`; bound once, not for each call.
  const bound = new Map<PropertyKey, unknown>()
  return new Proxy(target, {
    get(inner, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name)
      const known = bound.get(name)
      if (known !== undefined) return known
      const value: unknown = Reflect.get(inner, name, inner)
      if (typeof value !== 'function') return value
      const method = value.bind(inner)
      bound.set(name, method)
      return method
    },
  })
}
