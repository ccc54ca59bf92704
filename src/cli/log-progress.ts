/** Shows how much of the log a command has looked through, as a bar on one line. */
import type { Position } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'
import { progressLine } from './output.ts'

const BAR_WIDTH = 30

export interface LogProgress {
  readonly onConsidered: (position: Position) => void
  readonly clear: () => void
}

/** The bar is full at what is the end of the log now. */
export async function logProgress(reader: EventReader): Promise<LogProgress> {
  const last = (await reader.lastPosition()) ?? 0n
  const line = progressLine()
  let shownShare = -1
  return {
    onConsidered(position) {
      const share = last === 0n ? 100 : Number((position * 100n) / last)
      if (share === shownShare) return
      shownShare = share
      const bar = '█'.repeat(Math.round((share * BAR_WIDTH) / 100)).padEnd(BAR_WIDTH, '░')
      line.show(`reading the record ${bar} ${share} %`)
    },
    clear: line.clear,
  }
}
