/** The discovery agent's tool: searches the catalogue of what exists, people's shared projects included. */
import { z } from 'zod'
import { catalogueKinds } from '../catalogue/catalogue-entry.ts'
import type { Catalogue } from '../catalogue/catalogue-search.ts'
import { questionTerms } from '../question-terms.ts'
import { type AgentTool, succeeded } from './tool-set.ts'

/** People's shared projects; words are searched as they are. */
export type SharedProjects = (words: readonly string[], limit: number) => Promise<readonly SharedProject[]>

export interface SharedProject {
  readonly projectId: string
  readonly title: string
  readonly link: string | null
  readonly notes: readonly string[]
}

/** One thing that exists, as the model is told it. */
export interface CatalogueFinding {
  readonly id: string
  readonly kind: string
  readonly title: string
  readonly summary: string
  readonly link: string | null
}

export const SEARCH_CATALOGUE = 'search_catalogue'

const TIMEOUT_MS = 10_000
const FOUND_MAX = 6
const SHARED_MAX = 4
const SUMMARY_CHARACTERS_MAX = 240

const searchArguments = z.object({
  query: z.string().max(300).describe('Subject words; empty for an overview.'),
  kind: z.enum([...catalogueKinds, 'any']).default('any'),
})

export function catalogueTools(catalogue: Catalogue, sharedProjects: SharedProjects): readonly AgentTool[] {
  return [
    {
      agents: ['discovery'],
      definition: {
        name: SEARCH_CATALOGUE,
        description:
          'Searches what exists on the platform: tools, example projects, learning paths, challenges, and projects that people share. List only what it returns.',
        parameters: searchArguments,
        timeoutMs: TIMEOUT_MS,
      },
      async execute(call) {
        const { query, kind } = searchArguments.parse(call.arguments)
        const wanted = kind === 'any' ? undefined : kind
        const entries = catalogue.search(query, { limit: FOUND_MAX, ...(wanted && { kind: wanted }) })
        const isForProjects = wanted === undefined || wanted === 'project'
        // Without a subject word people's projects are an overview of their own, asked for by the kind.
        const words = questionTerms(query)
        const shared =
          isForProjects && (words.length > 0 || wanted === 'project') ? await sharedProjects(words, SHARED_MAX) : []
        const findings: CatalogueFinding[] = [
          ...shared.map(({ projectId, title, link, notes }) => ({
            ...{ id: `shared:${projectId}`, kind: 'shared project', title, link },
            summary: notes.join(' ').slice(0, SUMMARY_CHARACTERS_MAX),
          })),
          ...entries.map(({ id, kind: of, title, summary, link = null }) => ({ id, kind: of, title, summary, link })),
        ]
        return succeeded({ findings, catalogueSize: catalogue.size })
      },
    },
  ]
}
