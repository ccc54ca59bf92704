/** A conversation as a file to keep: JSON for programs, Markdown for people. */
import { Readable } from 'node:stream'
import { z } from 'zod'
import { conversationIdOf } from '../../events/stream-names.ts'
import type { ConversationQueries, ConversationRow, MessageRow } from '../../projections/query-types.ts'

import type { Uuid } from '../../shared/ids.ts'
import type { ApiServices } from '../api-services.ts'
import { conversationIdSchema, problemAnswers } from '../contracts/common-contract.ts'
import { conversationAnswerOf, messageAnswerOf } from '../conversation-answer.ts'
import { answerProblem } from '../problem-answer.ts'
import { freshnessHeaders, notFound } from '../read-freshness.ts'
import type { ApiServer } from '../server-type.ts'

const formats = {
  json: { mediaType: 'application/json; charset=utf-8', extension: 'json', write: asJson },
  markdown: { mediaType: 'text/markdown; charset=utf-8', extension: 'md', write: asMarkdown },
}

export function registerExportRoutes(app: ApiServer, { queries, guard, freshness, settings }: ApiServices): void {
  app.get(
    '/api/v1/me/conversations/:conversationId/export',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags: ['conversations'],
        summary: 'The whole conversation as an attachment',
        headers: freshnessHeaders,
        params: z.object({ conversationId: conversationIdSchema }),
        querystring: z.object({ format: z.enum(['json', 'markdown']).default('json') }),
        response: {
          200: z.instanceof(Readable).meta({ description: 'JSON or Markdown, as an attachment' }),
          ...problemAnswers,
        },
      },
    },
    async (request, reply) => {
      const isReached = await freshness.ofQuery(request, reply)
      const conversationId = conversationIdOf(guard.personOf(request).ownerId, request.params.conversationId)
      const row = await queries.get(conversationId)
      if (row === undefined) return answerProblem(reply, notFound(isReached, 'conversation-unknown'))
      const { mediaType, extension, write } = formats[request.query.format]
      // The id is made of characters that need no quoting, save the ones that file systems dislike.
      const name = request.params.conversationId.replaceAll(/[:~]/g, '-')
      reply.header('content-disposition', `attachment; filename="conversation-${name}.${extension}"`).type(mediaType)
      return reply.send(
        Readable.from(write(row, allMessages(queries, conversationId, settings.limits.messagesPageMax))),
      )
    },
  )
}

/** Page by page, so that a long conversation is never held in memory. */
async function* allMessages(
  queries: ConversationQueries,
  conversationId: Uuid,
  limit: number,
): AsyncGenerator<MessageRow> {
  let cursor: string | null | undefined
  do {
    const page = await queries.messages({ conversationId, limit, ...(cursor ? { cursor } : {}) })
    yield* page.results
    cursor = page.next
  } while (cursor !== null)
}

async function* asJson(row: ConversationRow, messages: AsyncIterable<MessageRow>): AsyncGenerator<string> {
  yield `{"conversation":${JSON.stringify(conversationAnswerOf(row))},"messages":[`
  let separator = '\n'
  for await (const message of messages) {
    yield `${separator}${JSON.stringify(messageAnswerOf(message))}`
    separator = ',\n'
  }
  yield '\n]}\n'
}

async function* asMarkdown(row: ConversationRow, messages: AsyncIterable<MessageRow>): AsyncGenerator<string> {
  yield `# ${row.title.replaceAll(/\s+/g, ' ')}\n\nStarted ${row.createdAt.toISOString()} · ${row.messageCount} messages\n`
  for await (const message of messages)
    yield `\n## ${headingOf(message)}\n\n${message.isErased ? '*Erased.*' : message.text}\n`
}

function headingOf({ role, agent, status, createdAt }: MessageRow): string {
  const author = role === 'user' ? 'You' : agent === null ? 'Emberlog' : `Emberlog (${agent})`
  const ending = status === 'failed' ? ', not finished' : status === 'stopped' ? ', stopped' : ''
  return `${author}${ending} · ${createdAt.toISOString()}`
}
