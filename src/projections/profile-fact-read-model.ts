/** The table of profile facts: what people told about themselves, and where they said it. */
import type { PersonRow } from './projector.ts'
import type { ReadModel } from './read-model.ts'

export interface StoredProfileFact extends PersonRow {
  readonly factId: string
  readonly ownerId: string
  readonly kind: string
  readonly value: string | null
  readonly sourceTurnId: string
  readonly sourceConversationId: string
  readonly spanFrom: number
  readonly spanTo: number
  readonly notedAt: string
  readonly removedAt: string | null
}

export const profileFactModel: ReadModel<StoredProfileFact> = {
  name: 'profile_fact',
  about:
    'One row for each fact that a person stated about themselves and that was noted at their wish; removed ones included.',
  key: ['personId', 'factId'],
  columns: {
    personId: { type: 'uuid', about: 'Derived from the id that the person signs in with.' },
    factId: { type: 'uuid', about: 'Derived from the turn and the place of the words in its message.' },
    ownerId: { type: 'text', about: 'The person whom the fact is about.' },
    kind: { type: 'text', about: 'What sort of fact it is, such as name, place, work, skill, interest or goal.' },
    value: {
      type: 'text',
      isContent: true,
      about: 'The fact in the person’s own words; null once it is removed or erased.',
    },
    sourceTurnId: { type: 'uuid', about: 'The turn in whose message it was stated.' },
    sourceConversationId: { type: 'uuid', about: 'The conversation of that turn.' },
    spanFrom: { type: 'integer', about: 'Where the statement begins in that message, in UTF-16 code units.' },
    spanTo: { type: 'integer', about: 'Where it ends; the place after its last unit.' },
    notedAt: { type: 'timestamptz', about: 'When it was noted.' },
    removedAt: { type: 'timestamptz', about: 'When the person took it back; null while it stands.' },
    lastPosition: { type: 'bigint', about: 'The position of the last event of this fact in the whole log.' },
  },
}
