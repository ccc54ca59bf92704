/** Decides what a wish adds to what belongs to a person, their profile facts and projects: pure. */
import type { ProjectEvent } from '../events/project-events.ts'
import { projectIdOf } from '../events/stream-names.ts'
import type { UserEvent } from '../events/user-events.ts'
import { assertNever } from '../shared/assert.ts'
import type { Refusal } from '../shared/failures.ts'
import { accept, type Decider, type Decision, nothing, refuse } from './decision.ts'
import { isBlank, isStorable, isWithin, refusalOfTitle } from './message-rules.ts'
import type { FactsRemoval, ProjectDescription, UserCommand } from './user-commands.ts'

/** Facts of one person that stand at the same time. */
export const FACTS_MAX = 500
export const FACT_CHARACTERS_MAX = 200
/** Projects of one person that are not removed. */
export const PROJECTS_MAX = 500
export const PROJECT_NOTES_MAX = 100
export const PROJECT_NOTE_CHARACTERS_MAX = 4_000
const LINK_CHARACTERS_MAX = 2_000

export type BelongingsEvent = UserEvent | ProjectEvent

export interface Fact {
  readonly factId: string
  readonly kind: string
  readonly value: string
}

export interface Project {
  readonly projectId: string
  readonly title: string
  readonly link: string | undefined
  readonly ownership: 'own' | 'reference' | 'unstated'
  readonly conversationId: string
  /** The turn that drafted it. */
  readonly turnId: string
  readonly notes: readonly string[]
  readonly isShared: boolean
}

export interface Belongings {
  /** Those that stand, by id, oldest first. */
  readonly facts: Map<string, Fact>
  readonly removedFacts: Set<string>
  /** Turns in which facts were removed, and which. */
  readonly removedInTurn: Map<string, readonly Fact[]>
  /** Those that are not removed, by id, oldest first. */
  readonly projects: Map<string, Project>
  readonly removedProjects: Set<string>
  /** Turns that have said their part about a project, and about which. */
  readonly projectOfTurn: Map<string, string>
}

export const userDecider: Decider<Belongings, UserCommand, BelongingsEvent> = { initialState, evolve, decide }

function initialState(): Belongings {
  return {
    facts: new Map(),
    removedFacts: new Set(),
    removedInTurn: new Map(),
    projects: new Map(),
    removedProjects: new Set(),
    projectOfTurn: new Map(),
  }
}

/** The project that a conversation is about: the one it drafted last. */
export function projectOfConversation({ projects }: Belongings, conversationId: string): Project | undefined {
  return [...projects.values()].findLast((project) => project.conversationId === conversationId)
}

function decide(command: UserCommand, state: Belongings): Decision<BelongingsEvent> {
  switch (command.type) {
    case 'NoteProfileFact':
      return noteFact(command.data, state)
    case 'RemoveProfileFact': {
      const { factId } = command.data
      if (state.removedFacts.has(factId)) return nothing
      return state.facts.has(factId)
        ? accept({ type: 'ProfileFactRemoved', data: command.data })
        : refuse('fact-unknown')
    }
    case 'RemoveProfileFacts':
      return removeFacts(command.data, state)
    case 'DescribeProject':
      return describeProject(command.data, state)
    case 'RemoveProject':
      if (state.removedProjects.has(command.data.projectId)) return nothing
      return knownProject(command, state)
    default:
      return knownProject(command, state)
  }
}

type ProjectCommand = Exclude<
  UserCommand,
  { type: 'NoteProfileFact' | 'RemoveProfileFact' | 'RemoveProfileFacts' | 'DescribeProject' }
>

function knownProject(command: ProjectCommand, { projects }: Belongings): Decision<BelongingsEvent> {
  const project = projects.get(command.data.projectId)
  if (project === undefined) return refuse('project-unknown')
  switch (command.type) {
    case 'StateProjectOwnership':
      if (project.ownership === command.data.ownership) return nothing
      if (project.isShared) return refuse('project-shared', 'Stop sharing the project first.')
      return accept({ type: 'ProjectOwnershipStated', data: command.data })
    case 'RenameProject':
      if (project.title === command.data.title) return nothing
      return refusalOfTitle(command.data.title) ?? accept({ type: 'ProjectRenamed', data: command.data })
    case 'ShareProject':
      if (project.isShared) return nothing
      if (project.ownership !== 'own') return refuse('project-not-own', 'Only a project of your own can be shared.')
      return accept({ type: 'ProjectShared', data: command.data })
    case 'UnshareProject':
      return project.isShared ? accept({ type: 'ProjectUnshared', data: command.data }) : nothing
    case 'RemoveProject':
      return accept({ type: 'ProjectRemoved', data: command.data })
    default:
      return assertNever(command)
  }
}

/** One turn removes once: what was noted since it was first handled is not what it meant. */
function removeFacts(
  { ownerId, turnId, factIds }: FactsRemoval,
  { facts, removedInTurn }: Belongings,
): Decision<BelongingsEvent> {
  const standing = factIds.filter((factId) => facts.has(factId))
  if (removedInTurn.has(turnId) || standing.length === 0) return nothing
  return accept(
    ...standing.map((factId) => ({
      type: 'ProfileFactRemoved' as const,
      data: { ownerId, factId, sourceTurnId: turnId },
    })),
  )
}

function noteFact(
  data: Extract<UserCommand, { type: 'NoteProfileFact' }>['data'],
  { facts, removedFacts }: Belongings,
): Decision<BelongingsEvent> {
  // A turn that is handled twice notes a fact once, also when the person has taken it back meanwhile.
  if (facts.has(data.factId) || removedFacts.has(data.factId)) return nothing
  const isKnown = [...facts.values()].some(
    ({ kind, value }) => kind === data.kind && value.toLowerCase() === data.value.toLowerCase(),
  )
  if (isKnown) return nothing
  if (!isStorable(data.value)) return refuse('text-not-storable')
  if (isBlank(data.value)) return refuse('fact-blank')
  if (!isWithin(data.value, FACT_CHARACTERS_MAX)) return refuse('fact-too-long')
  if (facts.size >= FACTS_MAX) return refuse('too-many-facts', `At most ${FACTS_MAX} facts are kept about one person.`)
  return accept({ type: 'ProfileFactNoted', data })
}

function describeProject(said: ProjectDescription, state: Belongings): Decision<BelongingsEvent> {
  const { ownerId, turnId, note, ownership } = said
  if (state.projectOfTurn.has(turnId)) return nothing
  const objection = refusalOfDescription(said)
  if (objection !== undefined) return objection
  const current = projectMeant(said, state)
  if (current === undefined) return draftProject(said, state)
  const of = { ownerId, projectId: current.projectId }
  const events: BelongingsEvent[] = []
  if (note !== undefined) {
    if (current.notes.length >= PROJECT_NOTES_MAX) return refuse('too-many-project-notes')
    events.push({ type: 'ProjectNoteAdded', data: { ...of, note, sourceTurnId: turnId } })
  }
  if (ownership !== undefined && ownership !== current.ownership && !current.isShared) {
    events.push({ type: 'ProjectOwnershipStated', data: { ...of, ownership, sourceTurnId: turnId } })
  }
  return events.length === 0 ? nothing : accept(...events)
}

/** Another link is another project; anything else goes on with the one that the conversation is about. */
function projectMeant({ conversationId, link, isNew }: ProjectDescription, state: Belongings): Project | undefined {
  if (isNew) return undefined
  const current = projectOfConversation(state, conversationId)
  return link === undefined || current?.link === link ? current : undefined
}

function draftProject(said: ProjectDescription, state: Belongings): Decision<BelongingsEvent> {
  const { ownerId, turnId, conversationId, title, link, ownership, note } = said
  if (state.projects.size >= PROJECTS_MAX) return refuse('too-many-projects')
  const of = { ownerId, projectId: projectIdOf(turnId) }
  const drafted = {
    ...of,
    title,
    // An idea without a link is the person's own; whose a link is only they can say.
    ownership: ownership ?? (link === undefined ? 'own' : 'unstated'),
    sourceTurnId: turnId,
    sourceConversationId: conversationId,
    ...(link === undefined ? {} : { link }),
  } as const
  const draft = { type: 'ProjectDrafted', data: drafted } as const
  if (note === undefined) return accept(draft)
  return accept(draft, { type: 'ProjectNoteAdded', data: { ...of, note, sourceTurnId: turnId } } as const)
}

function refusalOfDescription({ title, link, note }: ProjectDescription): Refusal | undefined {
  const objection = refusalOfTitle(title)
  if (objection !== undefined) return objection
  if (
    link !== undefined &&
    !(isStorable(link) && isWithin(link, LINK_CHARACTERS_MAX) && /^https?:\/\/\S+$/i.test(link))
  )
    return refuse('project-link-invalid')
  if (note === undefined) return undefined
  if (!isStorable(note)) return refuse('text-not-storable')
  if (isBlank(note)) return refuse('project-note-blank')
  return isWithin(note, PROJECT_NOTE_CHARACTERS_MAX) ? undefined : refuse('project-note-too-long')
}

function evolve(state: Belongings, event: BelongingsEvent): Belongings {
  switch (event.type) {
    case 'ProfileFactNoted': {
      const { factId, kind, value } = event.data
      state.facts.set(factId, { factId, kind, value })
      return state
    }
    case 'ProfileFactRemoved':
      return withoutFact(event.data, state)
    case 'ProjectDrafted': {
      const {
        projectId,
        title,
        link,
        ownership,
        sourceConversationId: conversationId,
        sourceTurnId: turnId,
      } = event.data
      state.projects.set(projectId, {
        ...{ projectId, title, link, ownership, conversationId, turnId },
        ...{ notes: [], isShared: false },
      })
      state.projectOfTurn.set(turnId, projectId)
      return state
    }
    case 'ProjectNoteAdded': {
      const { projectId, note, sourceTurnId } = event.data
      state.projectOfTurn.set(sourceTurnId, projectId)
      return changed(state, projectId, ({ notes }) => ({ notes: [...notes, note] }))
    }
    case 'ProjectOwnershipStated': {
      const { projectId, ownership, sourceTurnId } = event.data
      if (sourceTurnId !== null) state.projectOfTurn.set(sourceTurnId, projectId)
      return changed(state, projectId, () => ({ ownership }))
    }
    case 'ProjectRenamed':
      return changed(state, event.data.projectId, () => ({ title: event.data.title }))
    case 'ProjectShared':
      return changed(state, event.data.projectId, () => ({ isShared: true }))
    case 'ProjectUnshared':
      return changed(state, event.data.projectId, () => ({ isShared: false }))
    case 'ProjectRemoved':
      state.projects.delete(event.data.projectId)
      state.removedProjects.add(event.data.projectId)
      return state
    case 'PersonErased':
      return initialState()
    default:
      return state // A legal hold changes none of these.
  }
}

function changed(state: Belongings, projectId: string, change: (project: Project) => Partial<Project>): Belongings {
  const project = state.projects.get(projectId)
  if (project !== undefined) state.projects.set(projectId, { ...project, ...change(project) })
  return state
}

function withoutFact(
  { factId, sourceTurnId }: Extract<BelongingsEvent, { type: 'ProfileFactRemoved' }>['data'],
  state: Belongings,
): Belongings {
  const fact = state.facts.get(factId)
  if (sourceTurnId !== undefined && fact !== undefined) {
    state.removedInTurn.set(sourceTurnId, [...(state.removedInTurn.get(sourceTurnId) ?? []), fact])
  }
  state.facts.delete(factId)
  state.removedFacts.add(factId)
  return state
}
