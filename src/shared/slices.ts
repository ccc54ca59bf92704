/** Long work on many items, a part at a time, so that nobody else waits for all of it. */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Handles the items in order; between slices the event loop gets its turn: work on no more than `size` of them holds up whatever else this process does. */
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

/** Works on so many items at the same time, on one group after the other. Throws what the work throws, and then begins no other group. */
export async function inGroups<Item>(
  items: readonly Item[],
  size: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < items.length; from += size) await Promise.all(items.slice(from, from + size).map(work))
}
