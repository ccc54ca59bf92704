/** Lays the log beside the ledger, leaf by leaf, and says of each whether it is the one that was committed to. */
import type { StoredEvent } from '../events/codec.ts'
import type { LeafPlace } from '../ledger/leaf-index.ts'
import type { LedgerReader } from '../ledger/ledger-reader.ts'
import { TILE_HASHES } from '../ledger/tile-layout.ts'
import { HASH_BYTES } from '../ledger/tree-hash.ts'
import { leafHashOf } from '../ledger/tree-leaf.ts'
import { Fault } from '../shared/failures.ts'

/** What the ledger says of one leaf. */
export interface CommittedLeaf {
  readonly index: number
  readonly hash: Buffer
  readonly place: LeafPlace
}

/** Something else stands at its place in the log. */
export interface AlteredLeaf {
  readonly kind: 'altered'
  readonly leaf: CommittedLeaf
  readonly event: StoredEvent
}

export type ComparedLeaf =
  | { readonly kind: 'same'; readonly leaf: CommittedLeaf; readonly event: StoredEvent }
  | AlteredLeaf
  /** The ledger has it, the log does not, and the log goes on after it. */
  | { readonly kind: 'missing'; readonly leaf: CommittedLeaf }
  /** The log has it between two leaves of the ledger. */
  | { readonly kind: 'inserted'; readonly beforeIndex: number; readonly event: StoredEvent }
  /** The log ends before the ledger does: the first leaf that it does not have, and how many there are. */
  | { readonly kind: 'truncated'; readonly leaf: CommittedLeaf; readonly count: number }
  /** The log goes on after the ledger. */
  | { readonly kind: 'new'; readonly index: number; readonly hash: Buffer; readonly event: StoredEvent }

/** Both sides are read once, in order, in constant memory. */
export async function* compareWithLedger(
  log: AsyncIterable<StoredEvent>,
  committed: AsyncIterator<CommittedLeaf>,
  firstIndex: number,
): AsyncGenerator<ComparedLeaf> {
  let index = firstIndex
  let leaf = await nextOf(committed)
  for await (const event of log) {
    while (leaf !== undefined && leaf.place.position < event.position) {
      yield { kind: 'missing', leaf }
      index += 1
      leaf = await nextOf(committed)
    }
    if (leaf === undefined) {
      yield { kind: 'new', index, hash: leafHashOf(event), event }
      index += 1
    } else if (leaf.place.position > event.position) {
      yield { kind: 'inserted', beforeIndex: leaf.index, event }
    } else {
      yield { kind: leafHashOf(event).equals(leaf.hash) ? 'same' : 'altered', leaf, event }
      index += 1
      leaf = await nextOf(committed)
    }
  }
  if (leaf === undefined) return
  const first = leaf
  let count = 0
  for (let rest: CommittedLeaf | undefined = leaf; rest !== undefined; rest = await nextOf(committed)) count += 1
  yield { kind: 'truncated', leaf: first, count }
}

async function nextOf(committed: AsyncIterator<CommittedLeaf>): Promise<CommittedLeaf | undefined> {
  const next = await committed.next()
  return next.done === true ? undefined : next.value
}

/** Everything that the ledger's files say of the leaves from `from` to `size`. Throws `ledger-tile-missing`. */
export async function* committedLeaves(
  ledger: LedgerReader,
  from: number,
  size: number,
): AsyncGenerator<CommittedLeaf> {
  const places = await ledger.leaves()
  if (places === undefined) return
  try {
    let tile: Buffer | undefined
    let index = from
    for await (const place of places.places(from, size)) {
      const slot = index % TILE_HASHES
      if (tile === undefined || slot === 0) tile = await levelZero(ledger, Math.floor(index / TILE_HASHES), size)
      yield { index, place, hash: tile.subarray(slot * HASH_BYTES, (slot + 1) * HASH_BYTES) }
      index += 1
    }
  } finally {
    await places.close()
  }
}

async function levelZero(ledger: LedgerReader, index: number, size: number): Promise<Buffer> {
  const width = Math.min(TILE_HASHES, size - index * TILE_HASHES)
  const tile = await ledger.tile({ level: 0, index, width })
  if (tile === undefined || tile.length < width * HASH_BYTES)
    throw new Fault('ledger-tile-missing', { level: 0, index, width })
  return tile
}
