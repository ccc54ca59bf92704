/** Answers what the API asks of the read models; always over views of the live generation, always page by page. */
import { z } from 'zod'
import { parseUuid, toPosition, type Uuid } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import type { Database } from './database.ts'
import { searchCondition } from './message-search.ts'
import { readCursor, writeCursor } from './page-cursor.ts'
import { PositionWatcher } from './position-watcher.ts'
import type {
  ConversationQueries,
  ConversationRow,
  ListConversations,
  ListMessages,
  MessageRow,
  Page,
  RoutingRow,
  TurnRow,
} from './query-types.ts'
import { parseSearch } from './search-terms.ts'

/** No page is larger, whatever is asked for. */
const PAGE_ROWS_MAX = 200
/** The ancestors of a message are followed so far. */
const BRANCH_MESSAGES_MAX = 10_000

const listPlace = z.object({ at: z.iso.datetime({ precision: 3 }), id: z.uuid() })
const messagePlace = z.object({ after: z.string().regex(/^\d{1,19}$/) })

const CONVERSATION_COLUMNS = `conversation_id as "conversationId", client_conversation_id as "clientConversationId", kind,
  title, message_count as "messageCount", is_archived as "isArchived", created_at as "createdAt",
  updated_at as "updatedAt", preview`

export function createConversationQueries(parts: {
  readonly database: Database
  readonly logger: Logger
}): ConversationQueries {
  const { queries } = parts.database
  const watcher = new PositionWatcher(parts.database, parts.logger)
  return {
    list: (options) => listConversations(queries, options),
    messages: (options) => listMessages(queries, options),

    async get(conversationId, { includeDeleted = false } = {}) {
      const [row] = await queries.query<ConversationRow>(
        `select ${CONVERSATION_COLUMNS}
        from chat.conversation
        where conversation_id = $1
          and ($2 or deleted_at is null)`,
        [conversationId, includeDeleted],
      )
      return row
    },

    async turn(conversationId, turnId) {
      if (parseUuid(turnId) === undefined) return undefined
      const [row] = await queries.query<TurnColumns>(TURN_QUERY, [conversationId, turnId])
      return row && toTurn(row)
    },

    async routing(conversationId, turnId) {
      if (parseUuid(turnId) === undefined) return undefined
      const [row] = await queries.query<RoutingRow>(
        `select turn_id as "turnId", intent, agent, method, confidence, candidates, evidence, guard,
          router_version as "routerVersion", took_ms as "tookMs"
        from chat.routing_decision
        where conversation_id = $1
          and turn_id = $2`,
        [conversationId, turnId],
      )
      return row
    },

    async conversationOfTurn(ownerId, turnId) {
      if (parseUuid(turnId) === undefined) return undefined
      const [row] = await queries.query<ConversationAddress>(
        `select conversation.conversation_id as "conversationId",
          client_conversation_id as "clientConversationId"
        from chat.turn
          join chat.conversation using (conversation_id)
        where turn_id = $2
          and turn.owner_id = $1
          and deleted_at is null
        limit 1`,
        [ownerId, turnId],
      )
      return row
    },

    async conversationOfMessage(ownerId, messageId) {
      if (messageId.includes('\0')) return undefined // Postgres has no such text.
      const [row] = await queries.query<ConversationAddress>(
        `select conversation.conversation_id as "conversationId",
          client_conversation_id as "clientConversationId"
        from chat.message
          join chat.conversation using (conversation_id)
        where message.owner_id = $1
          and message_id = $2
          and deleted_at is null
        order by position desc
        limit 1`,
        [ownerId, messageId],
      )
      return row
    },

    async waitFor({ position, waitMsMax }) {
      const isReached = await watcher.waitFor(position, waitMsMax)
      return { isReached, position: await watcher.position() }
    },

    position: () => watcher.position(),
  }
}

type Queries = Pick<Database['queries'], 'query'>
type ConversationAddress = { readonly conversationId: Uuid; readonly clientConversationId: string }

async function listConversations(
  queries: Queries,
  { ownerId, limit, cursor, q, kind, isArchived }: ListConversations,
): Promise<Page<ConversationRow> & { count: number }> {
  const values: unknown[] = [ownerId]
  const conditions = ['owner_id = $1', 'deleted_at is null']
  const add = (condition: (place: string) => string, value: unknown) =>
    conditions.push(condition(`$${values.push(value)}`))
  if (kind !== undefined) add((place) => `kind = ${place}`, kind)
  if (isArchived !== undefined) add((place) => `is_archived = ${place}`, isArchived)
  for (const term of parseSearch(q ?? '')) {
    const pattern = `%${term.typed.replaceAll(/[\\%_]/g, '\\$&')}%`
    const title = `title ilike $${values.push(pattern)}`
    const condition = searchCondition('$1', [term], values)
    conditions.push(`(${title} or conversation_id in (select conversation_id from chat.message where ${condition}))`)
  }
  const counted = [...values]
  const countConditions = conditions.join(' and ')
  if (cursor !== undefined) {
    const { at, id } = readCursor(cursor, listPlace)
    values.push(at, id)
    conditions.push(`(updated_at, conversation_id) < ($${values.length - 1}::timestamptz, $${values.length}::uuid)`)
  }
  const size = pageSize(limit)
  values.push(size + 1)
  const rows = await queries.query<ConversationRow>(
    `select ${CONVERSATION_COLUMNS}
    from chat.conversation
    where ${conditions.join(' and ')}
    order by updated_at desc, conversation_id desc
    limit $${values.length}`,
    values,
  )
  const [count] = await queries.query<{ count: number }>(
    `select count(*)::integer as count from chat.conversation where ${countConditions}`,
    counted,
  )
  const page = pageOf(rows, size, (row) => ({ at: row.updatedAt.toISOString(), id: row.conversationId }))
  return { ...page, count: count?.count ?? 0 }
}

interface MessageColumns extends Omit<MessageRow, 'model'> {
  readonly position: bigint
  readonly modelProvider: string | null
  readonly modelId: string | null
}

const MESSAGE_COLUMNS = `message.message_id as "messageId", turn_id as "turnId",
  message.parent_message_id as "parentMessageId", role, text, message.status, rating, is_erased as "isErased",
  coalesce(attachments, '[]') as attachments,
  message.created_at as "createdAt",
  position, case when role = 'assistant' then agent end as agent,
  case when role = 'assistant' then intent end as intent,
  case when role = 'assistant' then model_provider end as "modelProvider",
  case when role = 'assistant' then model_id end as "modelId",
  case when role = 'assistant' then instead_of end as "insteadOf"`

/** A parent may be an answer that is still being written: then the way up leads over its turn. */
const BRANCH = `branch (message_id, depth) as (
    select $4::text, 1
    union all
    select coalesce(message.parent_message_id, turn.message_id), depth + 1
    from branch
      left join chat.message
        on message.conversation_id = $1
        and message.message_id = branch.message_id
      left join chat.turn
        on turn.conversation_id = $1
        and turn.response_message_id = branch.message_id
        and message.message_id is null
    where coalesce(message.parent_message_id, turn.message_id) is not null
      and depth < ${BRANCH_MESSAGES_MAX}
  )`

async function listMessages(
  queries: Queries,
  { conversationId, limit, cursor, branch }: ListMessages,
): Promise<Page<MessageRow>> {
  const after = cursor === undefined ? '-1' : readCursor(cursor, messagePlace).after
  const size = pageSize(limit)
  const rows = await queries.query<MessageColumns>(
    `${branch === undefined ? '' : `with recursive ${BRANCH}`}
    select ${MESSAGE_COLUMNS}
    from chat.message
      left join chat.turn using (conversation_id, turn_id)
    where conversation_id = $1
      and position > $2
      ${branch === undefined ? '' : 'and message.message_id in (select message_id from branch)'}
    order by position
    limit $3`,
    [conversationId, after, size + 1, ...(branch === undefined ? [] : [branch.replaceAll('\0', '\uFFFD')])],
  )
  const { results, next } = pageOf(rows, size, (row) => ({ after: String(row.position) }))
  return { results: results.map(toMessage), next }
}

function toMessage({ position: _position, modelProvider, modelId, ...row }: MessageColumns): MessageRow {
  return { ...row, model: toModel(modelProvider, modelId) }
}

interface TurnColumns extends Omit<TurnRow, 'model' | 'usage' | 'endedPosition'> {
  readonly modelProvider: string | null
  readonly modelId: string | null
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly isEstimated: boolean | null
  readonly endedPosition: bigint | null
}

/** Messages before turns, as in every query: whoever replaces the views then meets no reader coming the other way. */
const TURN_QUERY = `select turn.turn_id as "turnId", turn.message_id as "messageId", turn.status,
    response_message_id as "responseMessageId", coalesce(text, '') as text, agent, model_provider as "modelProvider",
    model_id as "modelId", instead_of as "insteadOf", usage_is_estimated as "isEstimated", finish_reason as "finishReason", failure_code as "failureCode",
    input_tokens as "inputTokens", output_tokens as "outputTokens", ended_position as "endedPosition"
  from chat.message
    right join chat.turn
      on message.conversation_id = turn.conversation_id
      and message.message_id = turn.response_message_id
  where turn.conversation_id = $1
    and turn.turn_id = $2`

function toTurn(columns: TurnColumns): TurnRow {
  const { modelProvider, modelId, inputTokens, outputTokens, isEstimated, endedPosition, ...row } = columns
  const counted = inputTokens === null || outputTokens === null ? null : { inputTokens, outputTokens }
  const usage = counted && (isEstimated === null ? counted : { ...counted, isEstimated })
  const model = toModel(modelProvider, modelId)
  return { ...row, model, usage, endedPosition: endedPosition === null ? null : toPosition(endedPosition) }
}

function toModel(provider: string | null, id: string | null): MessageRow['model'] {
  return provider === null || id === null ? null : { provider, id }
}

function pageSize(limit: number): number {
  return Math.min(Math.max(1, Math.trunc(limit)), PAGE_ROWS_MAX)
}

/** One row more than the page was asked for, to know whether there is a next one. */
function pageOf<Row>(rows: readonly Row[], size: number, placeOf: (row: Row) => Record<string, string>): Page<Row> {
  const results = rows.slice(0, size)
  const last = results.at(-1)
  return { results, next: rows.length > size && last !== undefined ? writeCursor(placeOf(last)) : null }
}
