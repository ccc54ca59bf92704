/** Finds a person's messages by their words, and nobody else's. */
import { z } from 'zod'
import type { ApiServices } from '../api-services.ts'
import { problemAnswers } from '../contracts/common-contract.ts'
import { foundMessagePageSchema } from '../contracts/conversation-contract.ts'
import { freshnessHeaders } from '../read-freshness.ts'
import type { ApiServer } from '../server-type.ts'

const PAGE_DEFAULT = 20
const PAGE_MAX = 50
const SEARCH_CHARACTERS_MAX = 200
const CURSOR_CHARACTERS_MAX = 2_000

const querystring = z.object({
  q: z.string().max(SEARCH_CHARACTERS_MAX).meta({ description: 'Words, their beginnings, or phrases in quotes.' }),
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(PAGE_DEFAULT),
  cursor: z.string().max(CURSOR_CHARACTERS_MAX, { error: 'cursor-invalid' }).optional(),
})

export function registerSearchRoutes(app: ApiServer, { search, guard, freshness }: ApiServices): void {
  app.get(
    '/api/v1/me/search',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags: ['messages'],
        summary: 'My messages that contain these words, the newest first',
        headers: freshnessHeaders,
        querystring,
        response: { 200: foundMessagePageSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      await freshness.ofQuery(request, reply)
      const { ownerId } = guard.personOf(request)
      const { q, limit, cursor } = request.query
      const page = await search({ ownerId, q, limit, ...(cursor === undefined ? {} : { cursor }) })
      const results = page.results.map(
        ({ conversationId: _derived, clientConversationId, createdAt, snippet, ...found }) => ({
          ...found,
          conversationId: clientConversationId,
          createdAt: createdAt.toISOString(),
          snippet: [...snippet],
        }),
      )
      return { results, next: page.next }
    },
  )
}
