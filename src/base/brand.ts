/** A nominal type over T: a ViewNumber cannot be passed where an OpNumber is wanted. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name }
