/** Reads what the ledger has published: the checkpoint, tiles, and the proofs made from them. Cannot write. */
import { open, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '../shared/failures.ts'
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { type LeafIndex, openLeafIndex } from './leaf-index.ts'
import { ledgerDirectory } from './ledger-directory.ts'
import { textOfNote } from './signed-note.ts'
import { type ReadTile, tileHashes } from './tile-hashes.ts'
import { TILE_HASHES, type TileName } from './tile-layout.ts'
import { HASH_BYTES } from './tree-hash.ts'
import type { SubtreeHashes } from './tree-proofs.ts'

export interface PublishedCheckpoint extends Checkpoint {
  readonly note: string
}

export interface LedgerReader {
  /** The last published one, as it is written: nobody has checked its signatures. Undefined before the first. */
  readonly checkpoint: () => Promise<PublishedCheckpoint | undefined>
  /** The bytes of a tile, at least as wide as asked for; undefined when there is none. */
  readonly tile: (name: TileName) => Promise<Buffer | undefined>
  /** Hashes of the tree over the first `size` leaves. Throws `ledger-tile-missing` where they are needed and not there. */
  readonly hashes: (size: number) => SubtreeHashes
  /** Where the leaves stand in the log; undefined when there is no ledger. To be closed by the caller. */
  readonly leaves: () => Promise<LeafIndex | undefined>
}

export function openLedgerReader(root: string): LedgerReader {
  const directory = ledgerDirectory(root)

  const tile: LedgerReader['tile'] = async (name) => {
    const full = await readIfThere(directory.tile({ ...name, width: TILE_HASHES }))
    if (full !== undefined || name.width === TILE_HASHES) return full
    return await readWider(directory.partialTiles(name), name.width)
  }
  const readTile: ReadTile = async (name) => {
    const found = await tile(name)
    if (found === undefined || found.length < name.width * HASH_BYTES)
      throw new Fault('ledger-tile-missing', { ...name })
    return found
  }

  return {
    tile,
    hashes: (size) => tileHashes(readTile, size),
    leaves: () => openLeafIndex(directory.leaves),
    async checkpoint() {
      const bytes = await readIfThere(directory.checkpoint)
      if (bytes === undefined) return undefined
      const note = bytes.toString('utf8')
      const checkpoint = parseCheckpoint(textOfNote(note) ?? '')
      if (checkpoint === undefined) throw new Fault('ledger-not-readable', { file: directory.checkpoint })
      return { ...checkpoint, note }
    },
  }
}

/** A wider tile begins with the narrower one. */
async function readWider(partialTiles: string, width: number): Promise<Buffer | undefined> {
  const exact = await readIfThere(path.join(partialTiles, String(width)))
  if (exact !== undefined) return exact
  const widths = (await readdir(partialTiles).catch(() => [])).map(Number).filter((one) => one >= width)
  return widths.length === 0 ? undefined : await readIfThere(path.join(partialTiles, String(Math.min(...widths))))
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EISDIR') return undefined
    throw new Fault('ledger-not-readable', { file }, { cause: error })
  })
  if (handle === undefined) return undefined
  try {
    return await readFile(handle)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EISDIR') return undefined
    throw new Fault('ledger-not-readable', { file }, { cause })
  } finally {
    await handle.close()
  }
}
