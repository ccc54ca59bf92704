/** What auditors ask of the ledger: its signed head, proofs for any leaf and between any two sizes, and its tiles. */
import type { LedgerReader, PublishedCheckpoint } from '../ledger/ledger-reader.ts'
import { parseTilePath } from '../ledger/tile-layout.ts'
import { HASH_BYTES } from '../ledger/tree-hash.ts'
import { consistencyProof, inclusionProof, rootOf } from '../ledger/tree-proofs.ts'
import { type Refusal, refusal } from '../shared/failures.ts'
import type { Position } from '../shared/ids.ts'

export interface InclusionAnswer {
  readonly kind: 'inclusion'
  readonly position: Position
  readonly index: number
  readonly size: number
  readonly leafHash: Buffer
  readonly root: Buffer
  /** From the leaf upwards. */
  readonly hashes: readonly Buffer[]
  /** The signed head over `size` leaves, if it is the last one. */
  readonly note: string | undefined
}

export interface ConsistencyAnswer {
  readonly kind: 'consistency'
  readonly from: number
  readonly to: number
  readonly fromRoot: Buffer
  readonly toRoot: Buffer
  readonly hashes: readonly Buffer[]
}

export interface LedgerQueries {
  /** Undefined before the first checkpoint, and where no ledger is kept. */
  readonly checkpoint: () => Promise<PublishedCheckpoint | undefined>
  /** Refuses with `ledger-empty`, `leaf-unknown` (no signed leaf stands there) and `tree-size-unknown`. */
  readonly inclusion: (position: Position, size?: number) => Promise<InclusionAnswer | Refusal>
  /** Refuses with `ledger-empty` and `tree-size-unknown`. */
  readonly consistency: (from: number, to?: number) => Promise<ConsistencyAnswer | Refusal>
  /** The bytes of a tile by its C2SP path, with or without `tile/` before it; undefined for what is none. */
  readonly tile: (path: string) => Promise<Buffer | undefined>
}

/** Everything is read from files as it is asked for; memory does not grow with the tree. */
export function createLedgerQueries(ledger: LedgerReader): LedgerQueries {
  return {
    checkpoint: ledger.checkpoint,

    async inclusion(position, wantedSize) {
      const checkpoint = await ledger.checkpoint()
      const places = await ledger.leaves()
      if (checkpoint === undefined || places === undefined) return refusal('ledger-empty')
      try {
        const size = wantedSize ?? checkpoint.size
        if (size < 1 || size > checkpoint.size) return refusal('tree-size-unknown')
        const index = await places.firstFrom(position, size)
        if (index >= size || (await places.at(index)).position !== position) return refusal('leaf-unknown')
        const hashes = ledger.hashes(size)
        return {
          kind: 'inclusion',
          position,
          index,
          size,
          leafHash: await hashes.hashOf(0, index),
          root: await rootOf(hashes, size),
          hashes: await inclusionProof(hashes, index, size),
          note: size === checkpoint.size ? checkpoint.note : undefined,
        }
      } finally {
        await places.close()
      }
    },

    async consistency(from, wantedTo) {
      const checkpoint = await ledger.checkpoint()
      if (checkpoint === undefined) return refusal('ledger-empty')
      const to = wantedTo ?? checkpoint.size
      if (from > to || to > checkpoint.size) return refusal('tree-size-unknown')
      const hashes = ledger.hashes(to)
      return {
        kind: 'consistency',
        from,
        to,
        fromRoot: await rootOf(ledger.hashes(from), from),
        toRoot: await rootOf(hashes, to),
        hashes: await consistencyProof(hashes, from, to),
      }
    },

    async tile(path) {
      const name = parseTilePath(path.startsWith('tile/') ? path : `tile/${path}`)
      if (name === undefined) return undefined
      const bytes = await ledger.tile(name)
      return bytes?.subarray(0, name.width * HASH_BYTES)
    },
  }
}
