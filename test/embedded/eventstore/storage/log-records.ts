/** Records for tests of the log: only what matters is named. */
import type { EventLog, LogRecord, NewRecord } from '../../../../src/embedded/eventstore/storage/event-log.ts'

/** The next `count` records of a stream. */
export function nextRecords(log: EventLog, stream: string, count = 1, changes: Partial<NewRecord> = {}): NewRecord[] {
  const revision = (log.head(stream)?.revision ?? -1) + 1
  return Array.from({ length: count }, (_, i) => ({
    stream,
    revision: revision + i,
    type: 'noted',
    eventId: `00000000-0000-4000-8000-${String(log.nextPosition + i).padStart(12, '0')}`,
    createdMs: 1_700_000_000_000,
    flags: 0,
    body: Buffer.from(`the body at ${log.nextPosition + i}`),
    ...changes,
  }))
}

export function allRecords(log: EventLog): readonly LogRecord[] {
  return log.readAll({ from: 0, direction: 'forwards', countMax: 1e9, bytesMax: 1e12, consideredMax: 1e9 }).records
}
