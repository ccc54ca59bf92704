/** What auditors read of people's records; every look is recorded, with its purpose, before anything is shown. */
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { AsOf } from '../../audit/conversation-as-of.ts'
import type { EventFilter } from '../../audit/event-selection.ts'
import type { Look } from '../../commands/access-recorder.ts'
import { conversationIdOf } from '../../events/stream-names.ts'
import { refusal } from '../../shared/failures.ts'
import { parsePosition } from '../../shared/ids.ts'
import type { ApiServices } from '../api-services.ts'
import {
  accessLogSchema,
  asOfSchema,
  auditedConversationSchema,
  eventPageSchema,
  eventQuerySchema,
  monthSchema,
  purposeHeaders,
  purposeOf,
} from '../contracts/audit-contract.ts'
import { conversationIdSchema, problemAnswers } from '../contracts/common-contract.ts'
import { answerProblem } from '../problem-answer.ts'
import { freshnessHeaders } from '../read-freshness.ts'
import type { ApiServer } from '../server-type.ts'

const tags = ['audit']
const NDJSON = 'application/x-ndjson'

export function registerAuditRoutes(app: ApiServer, services: ApiServices): void {
  registerEvents(app, services)
  registerConversation(app, services)
  registerAccessLog(app, services)
}

function registerEvents(app: ApiServer, services: ApiServices): void {
  const { guard, audit, freshness } = services
  app.get(
    '/api/v1/audit/events',
    {
      onRequest: guard.requires('auditor', 'operator'),
      schema: {
        tags,
        summary: 'Events of the record, in order; as lines of JSON when asked for `application/x-ndjson`',
        headers: purposeHeaders.extend(freshnessHeaders.shape),
        querystring: eventQuerySchema,
        response: { 200: eventPageSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { view, limit, source: wanted, ...asked } = request.query
      const { stream, actor } = asked
      const source = stream === undefined ? wanted : 'record'
      await recordLook(services, request, {
        kind: view === 'metadata' ? 'metadata' : 'content',
        ...(await audit.subjectOfLook({
          ...(stream !== undefined && { stream }),
          ...(actor !== undefined && { actor }),
        })),
        filters: textsOf({ ...asked, view, limit, ...(source === 'index' && { source }) }),
      })
      if (source === 'index') await freshness.ofQuery(request, reply)
      const page = await audit.events(filterOf(asked), limit, source)
      const results = await audit.view(page.events, view)
      const next = page.next === undefined ? null : String(page.next)
      const indexed = page.indexed === undefined ? null : { ...page.indexed, to: String(page.indexed.to) }
      if (!String(request.headers.accept).includes(NDJSON)) return { results, next, indexed }
      if (next !== null) reply.header('x-next-after', next)
      if (indexed !== null) reply.header('x-indexed', JSON.stringify(indexed))
      const lines = Readable.from(results.map((event) => `${JSON.stringify(event)}\n`))
      return reply
        .type(NDJSON)
        .serializer((body) => body as string)
        .send(lines as never)
    },
  )
}

function registerConversation(app: ApiServer, services: ApiServices): void {
  const { guard, audit } = services
  app.get(
    '/api/v1/audit/conversations/:ownerId/:conversationId',
    {
      onRequest: guard.requires('auditor', 'operator'),
      schema: {
        tags,
        summary: 'A conversation as it stood at a time or a position',
        headers: purposeHeaders,
        params: z.object({ ownerId: z.string().min(1).max(128), conversationId: conversationIdSchema }),
        querystring: z.object({ asOf: asOfSchema.optional() }),
        response: { 200: auditedConversationSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { ownerId } = request.params
      const conversationId = conversationIdOf(ownerId, request.params.conversationId)
      const { asOf } = request.query
      const filters = textsOf({ asOf })
      await recordLook(services, request, { kind: 'content', subjectId: ownerId, conversationId, filters })
      const found = await audit.conversation(conversationId, asOfOf(asOf))
      if (found === undefined) return answerProblem(reply, refusal('conversation-unknown-then'))
      return {
        asOf: { position: String(found.position), events: found.events },
        conversation: found.conversation,
        messages: found.messages.map((message) => ({ ...message, position: String(message.position) })),
      }
    },
  )
}

/** Everybody sees who looked at their record. */
function registerAccessLog(app: ApiServer, { guard, audit, clock }: ApiServices): void {
  app.get(
    '/api/v1/me/access-log',
    {
      onRequest: guard.requires(),
      schema: {
        tags,
        summary: 'Who looked at my record in a month, or across records and so perhaps at mine, newest first',
        querystring: z.object({ month: monthSchema.optional() }),
        response: { 200: accessLogSchema, ...problemAnswers },
      },
    },
    async (request) => {
      const month = request.query.month ?? clock().toISOString().slice(0, 'yyyy-mm'.length)
      const { looks, omitted } = await audit.looks(guard.personOf(request).ownerId, month)
      return { results: [...looks], omitted, next: monthBefore(month) }
    },
  )
}

type AskedFilter = Omit<z.infer<typeof eventQuerySchema>, 'view' | 'limit' | 'source'>

function filterOf({ from, to, after, ...rest }: AskedFilter): EventFilter {
  const position = after === undefined ? undefined : parsePosition(after)
  const given = Object.entries(rest).filter(([, value]) => value !== undefined)
  return {
    ...Object.fromEntries(given),
    ...(from !== undefined && { from: new Date(from) }),
    ...(to !== undefined && { to: new Date(to) }),
    ...(position !== undefined && { after: position }),
  }
}

function asOfOf(text: string | undefined): AsOf {
  if (text === undefined) return 'now'
  const position = parsePosition(text)
  return position === undefined ? { time: new Date(text) } : { position }
}

type AskedLook = Omit<Look['what'], 'by'>

async function recordLook(
  { recordAccess, guard }: ApiServices,
  request: FastifyRequest,
  what: AskedLook,
): Promise<void> {
  const { ownerId, roles } = guard.personOf(request)
  const by = `${request.method} ${request.routeOptions.url ?? ''}`
  const purpose = purposeOf(String(request.headers['x-audit-purpose']))
  await recordAccess({
    who: ownerId,
    role: roles.includes('auditor') ? 'auditor' : 'operator',
    what: { ...what, by },
    purpose,
  })
}

function textsOf(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}

function monthBefore(month: string): string {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return new Date(Date.UTC(year, number - 2)).toISOString().slice(0, 'yyyy-mm'.length)
}
