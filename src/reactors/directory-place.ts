/** A directory as a place for checkpoints: another disk, a share, a mounted bucket that cannot be written twice. */
import path from 'node:path'
import { writeDurably } from '../ledger/durable-files.ts'
import type { CheckpointPlace } from './checkpoint-places.ts'

/** Keeps every checkpoint as `checkpoint-<size>`, and the last one as `checkpoint`. */
export function directoryPlace(directory: string): CheckpointPlace {
  return {
    name: directory,
    async hand({ note, size }) {
      await writeDurably(path.join(directory, `checkpoint-${size}`), note)
      await writeDurably(path.join(directory, 'checkpoint'), note)
      return ''
    },
  }
}
