/** Answers what is asked about projects: a person's own, and what all people share. */
import type { ProjectOwnership } from '../events/project-events.ts'
import type { Uuid } from '../shared/ids.ts'
import type { Database } from './database.ts'

/** More projects of one person are not drafted either. */
const PROJECTS_SHOWN_MAX = 500
const FOUND_MAX = 20
const SEARCH_WORDS_MAX = 12

export interface ProjectRow {
  readonly projectId: Uuid
  readonly title: string
  readonly link: string | null
  readonly ownership: ProjectOwnership
  readonly notes: readonly string[]
  readonly isShared: boolean
  readonly turnId: Uuid
  /** The id that the owner's client uses; null when the conversation is not kept or is deleted. */
  readonly conversationId: string | null
  readonly draftedAt: Date
  readonly updatedAt: Date
}

/** What everybody may see of a shared project: not who shared it. */
export interface SharedProjectRow {
  readonly projectId: Uuid
  readonly title: string
  readonly link: string | null
  readonly notes: readonly string[]
  readonly sharedAt: Date
}

export interface ProjectQueries {
  /** Those that are not removed, the latest changed first; at most 500. */
  readonly list: (ownerId: string) => Promise<readonly ProjectRow[]>
  /** Shared projects with any of these words, the best first; without words, the latest shared. At most 20. */
  readonly searchShared: (words: readonly string[], limit: number) => Promise<readonly SharedProjectRow[]>
}

export function createProjectQueries({ database }: { readonly database: Pick<Database, 'queries'> }): ProjectQueries {
  const { queries } = database
  return {
    list: (ownerId) =>
      queries.query<ProjectRow>(
        `select project_id as "projectId", project.title, link, ownership, notes, shared_at is not null as "isShared",
          source_turn_id as "turnId", client_conversation_id as "conversationId", drafted_at as "draftedAt",
          project.updated_at as "updatedAt"
        from chat.project
          left join chat.conversation on conversation.conversation_id = source_conversation_id
            and conversation.owner_id = project.owner_id
            and deleted_at is null
        where project.owner_id = $1
          and removed_at is null
        order by project.updated_at desc, project_id desc
        limit $2`,
        [ownerId, PROJECTS_SHOWN_MAX],
      ),

    async searchShared(words, limit) {
      const query = words.slice(0, SEARCH_WORDS_MAX).flatMap(toTerm).join(' | ')
      const columns = `project_id as "projectId", title, link, notes, shared_at as "sharedAt"`
      const limited = Math.min(Math.max(1, Math.trunc(limit)), FOUND_MAX)
      if (query === '') {
        return queries.query<SharedProjectRow>(
          `select ${columns}
          from chat.project
          where shared_at is not null
          order by shared_at desc, project_id desc
          limit $1`,
          [limited],
        )
      }
      return queries.query<SharedProjectRow>(
        `select ${columns}
        from chat.project
        where shared_at is not null
          and search @@ to_tsquery('simple', $1)
        order by ts_rank(search, to_tsquery('simple', $1)) desc, shared_at desc, project_id desc
        limit $2`,
        [query, limited],
      )
    },
  }
}

/** Letters and digits only, so that no word can be read as an operator; longer words also match their beginnings. */
function toTerm(word: string): string[] {
  const parts = word.match(/[\p{L}\p{N}]+/gu) ?? []
  return parts.map((part) => (part.length >= 4 ? `${part}:*` : part))
}
