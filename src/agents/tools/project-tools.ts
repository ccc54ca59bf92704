/**
 * The creation agent's tool: drafts a project from what the person says, turn by turn, in their own words. A link is kept
 * and never opened: what is there only the person can tell.
 */
import { z } from 'zod'
import type { ToolContext } from '../agent-tools.ts'
import { linkIn, titleOf, whoseIsSaid } from './project-words.ts'
import { type AgentTool, succeeded } from './tool-set.ts'

/** Where drafts are kept; a turn that is handled twice says its part once. */
export interface ProjectDrafts {
  readonly describe: (context: ToolContext, said: ProjectSaid) => Promise<DraftedProject | { readonly refused: string }>
}

export interface ProjectSaid {
  readonly title: string
  readonly link?: string
  readonly ownership?: 'own' | 'reference'
  readonly note: string
  readonly isNew?: boolean
}

export interface DraftedProject {
  readonly projectId: string
  readonly title: string
  readonly link: string | undefined
  readonly ownership: 'own' | 'reference' | 'unstated'
  readonly notes: readonly string[]
  /** True in the turn that drafted it. */
  readonly isNew: boolean
}

export const DRAFT_PROJECT = 'draft_project'

const TIMEOUT_MS = 10_000
const NOTE_CHARACTERS_MAX = 4_000
const NOTES_TOLD_MAX = 20

const draftArguments = z.object({
  title: z
    .string()
    .min(1)
    .max(120)
    .optional()
    .describe('What the project is called, if the person says or implies it.'),
  ownership: z
    .enum(['own', 'reference'])
    .optional()
    .describe('Whose a link is, only if the person says so: their own work, or kept for reference.'),
  isNew: z
    .boolean()
    .optional()
    .describe('True when the person wants another project than the one talked about so far.'),
})

export function projectTools(drafts: ProjectDrafts): readonly AgentTool[] {
  return [
    {
      agents: ['creation'],
      definition: {
        name: DRAFT_PROJECT,
        description:
          'Keeps what the message says about the person’s project: drafts a new one, or adds to the one this conversation is about. The whole message is kept word for word, and a link in it too; links are never opened. Ask whose a link is only when the result says so.',
        parameters: draftArguments,
        timeoutMs: TIMEOUT_MS,
      },
      async execute(call, context) {
        const args = draftArguments.parse(call.arguments)
        const { question } = context
        const link = linkIn(question)
        const ownership = whoseIsSaid(question) ?? (isVideo(link) ? 'reference' : args.ownership)
        const outcome = await drafts.describe(context, {
          title: args.title ?? titleOf(question, link),
          note: question.slice(0, NOTE_CHARACTERS_MAX),
          ...(link === undefined ? {} : { link }),
          ...(ownership === undefined ? {} : { ownership }),
          ...(args.isNew === undefined ? {} : { isNew: args.isNew }),
        })
        if ('refused' in outcome) return { outcome: 'failed', result: { refused: outcome.refused } }
        const shouldAskWhose = outcome.isNew && outcome.ownership === 'unstated'
        const notes = outcome.notes.slice(-NOTES_TOLD_MAX)
        return succeeded({ ...outcome, link: outcome.link ?? null, notes, shouldAskWhose, page: '/me' })
      },
    },
  ]
}

/** A video is taken in as it is: one does not ask whose it is. */
function isVideo(link: string | undefined): boolean {
  return link !== undefined && /^https?:\/\/(?:www\.|m\.)?(?:youtube\.com|youtu\.be)\//i.test(link)
}
