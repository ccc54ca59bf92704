/** The wishes people and agents have of what belongs to a person. Each may be accepted, refused, or found to be no news. */
import type { ProjectEvent } from '../events/project-events.ts'
import type { UserEvent } from '../events/user-events.ts'

type Data<Type extends (UserEvent | ProjectEvent)['type']> = Extract<UserEvent | ProjectEvent, { type: Type }>['data']

export type UserCommand =
  | { readonly type: 'NoteProfileFact'; readonly data: Data<'ProfileFactNoted'> }
  | { readonly type: 'RemoveProfileFact'; readonly data: Data<'ProfileFactRemoved'> }
  | { readonly type: 'RemoveProfileFacts'; readonly data: FactsRemoval }
  | { readonly type: 'DescribeProject'; readonly data: ProjectDescription }
  | { readonly type: 'StateProjectOwnership'; readonly data: Data<'ProjectOwnershipStated'> }
  | { readonly type: 'RenameProject'; readonly data: Data<'ProjectRenamed'> }
  | { readonly type: 'ShareProject' | 'UnshareProject' | 'RemoveProject'; readonly data: Data<'ProjectShared'> }

/** The facts that one turn of a conversation asks to forget, all at once. */
export interface FactsRemoval {
  readonly ownerId: string
  readonly turnId: string
  readonly factIds: readonly string[]
}

/** What one turn of a conversation says of a project: of the one the conversation is about, or of a new one. */
export interface ProjectDescription {
  readonly ownerId: string
  readonly turnId: string
  readonly conversationId: string
  /** What a new project is called; one that exists keeps its title. */
  readonly title: string
  readonly link?: string
  readonly ownership?: 'own' | 'reference'
  /** What the person said about it in this turn, in their words. */
  readonly note?: string
  /** True when the person wants another project than the one the conversation is about. */
  readonly isNew?: boolean
}
