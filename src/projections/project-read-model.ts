/** The table of projects: what people drafted in conversations, and which of it they share. */
import type { ProjectOwnership } from '../events/project-events.ts'
import type { PersonRow } from './projector.ts'
import type { ReadModel } from './read-model.ts'

export interface StoredProject extends PersonRow {
  readonly projectId: string
  readonly ownerId: string
  readonly title: string
  readonly link: string | null
  readonly ownership: ProjectOwnership
  readonly notes: readonly string[]
  readonly sourceTurnId: string
  readonly sourceConversationId: string
  readonly draftedAt: string
  readonly updatedAt: string
  readonly sharedAt: string | null
  readonly removedAt: string | null
}

export const projectModel: ReadModel<StoredProject> = {
  name: 'project',
  about: 'One row for each project that a person drafted in a conversation; removed ones included.',
  key: ['personId', 'projectId'],
  columns: {
    personId: { type: 'uuid', about: 'Derived from the id that the person signs in with.' },
    projectId: { type: 'uuid', about: 'Derived from the turn that drafted it.' },
    ownerId: { type: 'text', about: 'The person whose draft it is.' },
    title: { type: 'text', isContent: true, about: 'What it is called; empty once it is removed.' },
    link: {
      type: 'text',
      isContent: true,
      about: 'The address that the person named, which was never opened; null when none.',
    },
    ownership: { type: 'text', about: 'own, reference (somebody else’s work, kept), or unstated.' },
    notes: { type: 'jsonb', isContent: true, about: 'What the person said about it, turn by turn, in their words.' },
    sourceTurnId: { type: 'uuid', about: 'The turn that drafted it.' },
    sourceConversationId: { type: 'uuid', about: 'The conversation of that turn.' },
    draftedAt: { type: 'timestamptz', about: 'When it was drafted.' },
    updatedAt: { type: 'timestamptz', about: 'When something about it last changed.' },
    sharedAt: { type: 'timestamptz', about: 'Since when everybody can find it; null while it is not shared.' },
    removedAt: { type: 'timestamptz', about: 'When the person removed it; null while it stands.' },
    lastPosition: { type: 'bigint', about: 'The position of the last event of this project in the whole log.' },
  },
  derived: {
    search: { type: 'tsvector', about: 'The words of title and notes, for the search among shared projects.' },
  },
}
