/** A bug stops us at the place where it shows: assertions for what cannot happen unless we are wrong. */

class Bug extends Error {
  override readonly name = 'Bug'
}

/** Throws a `Bug` unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Bug(message)
}

/** Closes a `switch` over a union: the compiler refuses a missing case, and at run time it is a bug. */
export function assertNever(value: never): never {
  throw new Bug(`unexpected value: ${JSON.stringify(value)}`)
}
