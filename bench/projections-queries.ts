/** What the API asks of a million messages, against the same statements by hand on a connection of `pg`. */
import { Client } from 'pg'
import { createConversationQueries } from '../src/projections/conversation-queries.ts'
import type { Database } from '../src/projections/database.ts'
import { findLiveGeneration } from '../src/projections/generations.ts'
import { createMessageSearch } from '../src/projections/message-search.ts'
import type { Uuid } from '../src/shared/ids.ts'
import { silentLogger } from '../src/shared/logger.ts'
import { fillWithRows } from '../test/projections/support/many-rows.ts'
import { figureOf, type Row, ratioTo } from './measurement.ts'

const MESSAGES_A_CONVERSATION = 20
const OWNERS = 500
const ASKED = 200
const PAGE = 20
const WORDS = ['retrieval', 'vector', 'embedding', 'answer', 'token']

/** Fills the live generation of a fresh database, so nobody else may use it. */
export async function measureQueries(database: Database, connectionString: string, messages: number): Promise<Row[]> {
  const live = await findLiveGeneration(database.queries)
  await fillWithRows(database, live?.schema ?? '', messages / MESSAGES_A_CONVERSATION, OWNERS)
  const queries = createConversationQueries({ database, logger: silentLogger })
  const { search } = createMessageSearch({ database })
  const client = new Client({ connectionString })
  await client.connect()
  const bare = (text: string, values: unknown[]) => client.query(text, values)
  const ownerOf = (turn: number) => `owner-${turn % OWNERS}`
  const { rows } = await bare('select conversation_id as id from chat.conversation limit $1', [ASKED])
  const idOf = (turn: number) => rows[turn % rows.length].id as Uuid
  const wordOf = (turn: number) => WORDS[turn % WORDS.length] ?? ''
  const asked: Record<
    string,
    { ours: (turn: number) => Promise<unknown>; theirs: (turn: number) => Promise<unknown> }
  > = {
    'the list of conversations': {
      ours: (turn) => queries.list({ ownerId: ownerOf(turn), limit: PAGE }),
      async theirs(turn) {
        const where = 'from chat.conversation where owner_id = $1 and deleted_at is null'
        await bare(`select * ${where} order by updated_at desc, conversation_id desc limit ${PAGE + 1}`, [
          ownerOf(turn),
        ])
        await bare(`select count(*) ${where}`, [ownerOf(turn)])
      },
    },
    'a page of messages': {
      ours: (turn) => queries.messages({ conversationId: idOf(turn), limit: PAGE }),
      theirs: (turn) =>
        bare(
          `select message.*, agent, intent, model_provider, model_id
          from chat.message left join chat.turn using (conversation_id, turn_id)
          where conversation_id = $1 and position > -1 order by position limit ${PAGE + 1}`,
          [idOf(turn)],
        ),
    },
    'a search': {
      ours: (turn) => search({ ownerId: ownerOf(turn), q: wordOf(turn), limit: PAGE }),
      theirs: (turn) =>
        bare(
          `select message.message_id, message.text, message.created_at, position, title, client_conversation_id
          from chat.message join chat.conversation using (conversation_id)
          where search @@ (('''' || ' ' || $1::text || '''')::tsquery && to_tsquery('simple', $2::text || ':*'))
            and deleted_at is null
          order by position desc limit ${PAGE + 1}`,
          [ownerOf(turn), wordOf(turn)],
        ),
    },
  }
  const table: Row[] = []
  for (const [what, { ours, theirs }] of Object.entries(asked)) {
    const samples = { ours: [] as number[], theirs: [] as number[] }
    for (let turn = 0; turn < ASKED; turn += 1) {
      samples.theirs.push(await timed(() => theirs(turn)))
      samples.ours.push(await timed(() => ours(turn)))
    }
    const [own, hand] = [figureOf(samples.ours), figureOf(samples.theirs)]
    const ratio = ratioTo('bare SQL', own.median / hand.median, { atMost: 3 })
    table.push(
      { what: `${what}, bare SQL, p50`, unit: 'ms', figure: hand },
      { what: `${what}, p50`, unit: 'ms', figure: own, ratio },
    )
  }
  await client.end()
  return table
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}
