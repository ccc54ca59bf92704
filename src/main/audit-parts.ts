/** What the API needs for auditors: a desk that reads and cannot write, and the one way to record a look. */
import { type AuditDesk, createAuditDesk } from '../audit/audit-desk.ts'
import { createAccessRecorder, type RecordLook } from '../commands/access-recorder.ts'
import type { Codec } from '../events/codec.ts'
import { openLedgerReader } from '../ledger/ledger-reader.ts'
import type { Database } from '../projections/database.ts'
import { createEventQueries } from '../projections/event-queries.ts'
import { systemClock } from '../shared/clock.ts'
import { type EventStore, readerOf } from '../store/event-store.ts'

export interface AuditParts {
  readonly audit: AuditDesk
  readonly recordAccess: RecordLook
}

export interface AuditSources {
  readonly store: EventStore
  readonly codec: Codec
  readonly database: Pick<Database, 'queries'>
  readonly ledgerDirectory: string
}

export function auditParts({ store, codec, database, ledgerDirectory }: AuditSources): AuditParts {
  const ledger = openLedgerReader(ledgerDirectory)
  return {
    audit: createAuditDesk({ reader: readerOf(store), codec, ledger, index: createEventQueries({ database }) }),
    recordAccess: createAccessRecorder({ store, codec, clock: systemClock }),
  }
}
