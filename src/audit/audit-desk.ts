/** Everything that an auditor may ask, in one place. It is handed a reader: nothing here can write to the record. */
import type { Codec, StoredEvent } from '../events/codec.ts'
import type { LedgerReader } from '../ledger/ledger-reader.ts'
import type { EventQueries } from '../projections/event-queries.ts'
import type { Uuid } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'
import { looksAt, type SeenLooks } from './access-log.ts'
import { type AsOf, type ConversationAsOf, conversationAsOf } from './conversation-as-of.ts'
import { type EventFilter, type EventPage, pageOfEvents } from './event-selection.ts'
import { type EventView, type EventViewKind, viewEvents } from './event-view.ts'
import { pageOfIndexedEvents } from './indexed-selection.ts'
import { createLedgerQueries, type LedgerQueries } from './ledger-queries.ts'
import { type LookSubject, subjectOfLook } from './look-subject.ts'

export interface AuditDesk {
  /** By the index: at once, but only of kept conversations and of people, as far as the index goes. Else every event is looked at. */
  readonly events: (filter: EventFilter, limit: number, source: 'record' | 'index') => Promise<EventPage>
  readonly view: (stored: readonly StoredEvent[], kind: EventViewKind) => Promise<EventView[]>
  readonly conversation: (conversationId: Uuid, asOf: AsOf) => Promise<ConversationAsOf | undefined>
  readonly subjectOfLook: (asked: Pick<EventFilter, 'stream' | 'actor'>) => Promise<LookSubject>
  readonly looks: (ownerId: string, month: string) => Promise<SeenLooks>
  readonly ledger: LedgerQueries
}

export interface AuditDeskParts {
  readonly reader: EventReader
  readonly codec: Codec
  readonly ledger: LedgerReader
  readonly index: EventQueries
}

export function createAuditDesk({ reader, codec, ledger, index }: AuditDeskParts): AuditDesk {
  return {
    events: (filter, limit, source) =>
      source === 'index'
        ? pageOfIndexedEvents({ reader, index, ledger }, filter, limit)
        : pageOfEvents(reader, filter, { limit, ledger }),
    view: (stored, kind) => viewEvents(stored, kind, codec),
    conversation: (conversationId, asOf) => conversationAsOf(reader, codec, { conversationId, asOf }),
    looks: (ownerId, month) => looksAt(reader, codec, { ownerId, month }),
    ledger: createLedgerQueries(ledger),
    subjectOfLook: (asked) => subjectOfLook(reader, asked),
  }
}
