/** One row for each project, as it stands; a removed one keeps its row, without what it said. */
import type { RecordedEvent } from '../events/codec.ts'
import { personIdFromStream } from '../events/stream-names.ts'
import { projectModel, type StoredProject } from './project-read-model.ts'
import type { PersonProjector } from './projector.ts'

export const projectProjector: PersonProjector<StoredProject> = {
  model: projectModel,

  rowNameOf: (event) => ('projectId' in event.data ? event.data.projectId : undefined),

  isFirst: () => false,

  lastPositionOf: ({ lastPosition }) => lastPosition,

  project(row, event) {
    if (event.type === 'ProjectDrafted' && row === undefined) return drafted(event)
    // What became of a project whose text was erased is told by nothing that can still be read.
    if (row === undefined || row.removedAt !== null) return row
    const change = changeOf(row, event)
    return change && { ...row, ...change, updatedAt: event.envelope.occurredAt, lastPosition: event.position }
  },
}

function drafted(event: Extract<RecordedEvent, { type: 'ProjectDrafted' }>): StoredProject {
  const { link = null, ...data } = event.data
  const { occurredAt } = event.envelope
  const personId = personIdFromStream(event.stream) as string
  const times = { draftedAt: occurredAt, updatedAt: occurredAt, sharedAt: null, removedAt: null }
  const drafted = { personId, ...data, link, notes: [], ...times, lastPosition: event.position }
  return event.erased.includes('title') ? { ...drafted, title: '', link: null, removedAt: occurredAt } : drafted
}

function changeOf(row: StoredProject, event: RecordedEvent): Partial<StoredProject> | undefined {
  switch (event.type) {
    case 'ProjectNoteAdded':
      return { notes: [...row.notes, event.data.note] }
    case 'ProjectOwnershipStated':
      return { ownership: event.data.ownership }
    case 'ProjectRenamed':
      return { title: event.data.title }
    case 'ProjectShared':
      return { sharedAt: event.envelope.occurredAt }
    case 'ProjectUnshared':
      return { sharedAt: null }
    case 'ProjectRemoved':
      return { title: '', link: null, notes: [], sharedAt: null, removedAt: event.envelope.occurredAt }
    default:
      return undefined
  }
}
