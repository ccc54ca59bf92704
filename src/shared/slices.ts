/** Long work on many items, in slices: between them the event loop gets its turn, so that nobody else waits for all of it. */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Handles the items in order; work on no more than `size` of them holds up whatever else this process does. */
export async function inSlices<Item>(
  items: readonly Item[],
  size: number,
  handle: (slice: readonly Item[]) => void,
): Promise<void> {
  if (items.length <= size) return handle(items)
  for (let from = 0; from < items.length; from += size) {
    if (from > 0) await nextTurn()
    handle(items.slice(from, from + size))
  }
}
