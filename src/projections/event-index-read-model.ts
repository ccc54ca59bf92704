/** The index of events: what auditors filter by, without any text; the events themselves are in the record. */
import type { ReadModel } from './read-model.ts'

export interface StoredEventIndex {
  readonly streamId: string
  readonly position: bigint
  readonly stream: string
  readonly revision: bigint
  readonly eventId: string
  readonly type: string
  readonly actorKind: string
  readonly actorId: string
  readonly correlationId: string
  readonly causationId: string
  readonly occurredAt: string
}

export const eventIndexModel: ReadModel<StoredEventIndex> = {
  name: 'event_index',
  about: 'One row for each event of kept conversations and of people: where it stands, who caused it, and when.',
  key: ['streamId', 'position'],
  columns: {
    streamId: { type: 'uuid', about: 'The conversation or the person in the name of its stream.' },
    position: { type: 'bigint', about: 'Its position in the whole log.' },
    stream: { type: 'text', about: 'The stream it stands in.' },
    revision: { type: 'bigint', about: 'Its place in its stream, from 0.' },
    eventId: { type: 'uuid', about: 'Its id.' },
    type: { type: 'text', about: 'What happened, such as MessageSent.' },
    actorKind: { type: 'text', about: 'What kind of actor did it: user, agent, system, auditor or operator.' },
    actorId: { type: 'text', about: 'Who did it.' },
    correlationId: { type: 'text', about: 'The turn or request that it belongs to.' },
    causationId: { type: 'text', about: 'The event or command that caused it.' },
    occurredAt: { type: 'timestamptz', about: 'When it happened.' },
  },
}
