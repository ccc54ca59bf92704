/** Where everything of the ledger stands below its directory. `public` may be given to any static file server as it is. */
import path from 'node:path'
import { type TileName, tilePath } from './tile-layout.ts'

export interface LedgerDirectory {
  readonly root: string
  /** The checkpoint and the tiles, laid out as C2SP `tlog-tiles`. */
  readonly public: string
  readonly checkpoint: string
  readonly tile: (name: TileName) => string
  /** Where the narrower versions of a tile stand that is not full yet. */
  readonly partialTiles: (name: TileName) => string
  /** Where each leaf stands in the log. */
  readonly leaves: string
  /** How far the tree has come, with its right edge. */
  readonly edge: string
  readonly lock: string
}

export function ledgerDirectory(root: string): LedgerDirectory {
  const published = path.join(root, 'public')
  return {
    root,
    public: published,
    checkpoint: path.join(published, 'checkpoint'),
    tile: (name) => path.join(published, tilePath(name)),
    partialTiles: (name) => path.join(published, `${tilePath({ ...name, width: 256 })}.p`),
    leaves: path.join(root, 'leaves'),
    edge: path.join(root, 'edge'),
    lock: path.join(root, 'keeper-lock'),
  }
}
