/** What the API needs for auditors: a desk that reads and cannot write, and the one way to record a look. */
import { type AuditDesk, createAuditDesk } from '../audit/audit-desk.ts'
import { createAccessRecorder, type RecordLook } from '../commands/access-recorder.ts'
import type { Codec } from '../events/codec.ts'
import { openLedgerReader } from '../ledger/ledger-reader.ts'
import { systemClock } from '../shared/clock.ts'
import { type EventStore, readerOf } from '../store/event-store.ts'

export interface AuditParts {
  readonly audit: AuditDesk
  readonly recordAccess: RecordLook
}

export function auditParts(
  store: EventStore,
  codec: Codec,
  { ledgerDirectory }: { readonly ledgerDirectory: string },
): AuditParts {
  return {
    audit: createAuditDesk({ reader: readerOf(store), codec, ledger: openLedgerReader(ledgerDirectory) }),
    recordAccess: createAccessRecorder({ store, codec, clock: systemClock }),
  }
}
