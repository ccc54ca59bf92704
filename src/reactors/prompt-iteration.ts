/** Iterates without delay: begins before anybody listens, and ends with the signal, not a moment later. */

/** Throws the signal's reason as soon as it aborts; the iteration is then told to end, and not waited for. */
export async function* untilAborted<Item>(items: AsyncIterable<Item>, signal: AbortSignal): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  aborted.catch(() => {}) // Nobody waits for it between two items.
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  let isOver = false
  try {
    signal.throwIfAborted()
    for (;;) {
      const next = iterator.next()
      next.catch(() => {}) // It may fail later, when nobody waits for it any more.
      const { done, value } = await Promise.race([next, aborted])
      isOver = done === true
      if (isOver) return
      yield value
    }
  } finally {
    signal.removeEventListener('abort', abort)
    if (!isOver) void iterator.return?.()?.catch(() => {})
  }
}

/** Asks for the first item now, and for the others as they are wanted. It can be iterated once. */
export function begunAtOnce<Item>(items: AsyncGenerator<Item>): AsyncGenerator<Item> {
  const first = items.next()
  first.catch(() => {}) // Who iterates is told.
  return goOnFrom(first, items)
}

async function* goOnFrom<Item>(
  first: Promise<IteratorResult<Item>>,
  items: AsyncGenerator<Item>,
): AsyncGenerator<Item> {
  const { done, value } = await first
  if (done === true) return
  try {
    yield value
    yield* items
  } finally {
    await items.return(undefined)
  }
}
