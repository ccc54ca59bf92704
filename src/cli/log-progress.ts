/** Shows how much of the log a command has looked through, as a bar on one line. */
import type { Position } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'
import { progressBar, progressLine } from './output.ts'

export interface LogProgress {
  /** `more` is added to the line: what was found so far. */
  readonly onConsidered: (position: Position, more?: string) => void
  readonly clear: () => void
}

/** The bar is full at what is the end of the log now. */
export async function logProgress(
  reader: Pick<EventReader, 'lastPosition'>,
  options: { readonly json?: boolean } = {},
): Promise<LogProgress> {
  const last = (await reader.lastPosition()) ?? 0n
  const line = progressLine(options)
  let shown = ''
  return {
    onConsidered(position, more = '') {
      const text = `reading the record ${progressBar(last === 0n ? 1 : Number((position * 1_000n) / last), last === 0n ? 1 : 1_000)}  ${more}`
      if (text === shown) return
      shown = text
      line.show(text.trimEnd())
    },
    clear: line.clear,
  }
}
