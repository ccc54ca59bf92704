/** Gives the agents' tools what they work with: people's facts and projects, the catalogue, pictures. */
import type { AgentTools, ToolContext } from '../agents/agent-tools.ts'
import { loadCatalogue } from '../agents/catalogue/catalogue-search.ts'
import type { ImageModel } from '../agents/image-model.ts'
import { catalogueTools } from '../agents/tools/catalogue-tools.ts'
import { imageTools } from '../agents/tools/image-tools.ts'
import { profileTools } from '../agents/tools/profile-tools.ts'
import { projectTools } from '../agents/tools/project-tools.ts'
import { createAgentTools } from '../agents/tools/tool-set.ts'
import type { TurnSource } from '../commands/user-gateway.ts'
import { isRefusal } from '../shared/failures.ts'
import type { createBelongings } from './belongings.ts'

export function createPlatformTools(
  { userGateway, attachments, searchShared }: ReturnType<typeof createBelongings>,
  images: ImageModel,
): AgentTools {
  return createAgentTools([
    ...profileTools({
      async note(context, fact) {
        const outcome = await userGateway.noteFact(sourceOf(context), fact)
        return isRefusal(outcome) ? { refused: outcome.detail ?? outcome.code } : outcome
      },
      async remove(context, isMeant, max) {
        const outcome = await userGateway.removeFacts(sourceOf(context), isMeant, max)
        return isRefusal(outcome) ? { refused: outcome.detail ?? outcome.code } : outcome
      },
      list: userGateway.facts,
    }),
    ...catalogueTools(loadCatalogue(), searchShared),
    ...projectTools({
      async describe(context, said) {
        const outcome = await userGateway.describeProject(sourceOf(context), said)
        if (isRefusal(outcome)) return { refused: outcome.detail ?? outcome.code }
        if (outcome.project === undefined) return { refused: 'The project was removed.' }
        return { ...outcome.project, isNew: outcome.project.turnId === context.turnId }
      },
    }),
    ...imageTools(images, {
      keep: (context, callNumber, picture) => attachments.store(sourceOf(context), callNumber, picture),
    }),
  ])
}

function sourceOf({ ownerId, conversationId, turnId, agent }: ToolContext): TurnSource {
  return { ownerId, conversationId, turnId, agent }
}
