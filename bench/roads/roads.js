/** The roads a user would take otherwise: plain inserts with kysely, and emmett's Postgres store with an inline projection. */

import { SQL } from '@event-driven-io/dumbo'
import { projections } from '@event-driven-io/emmett'
import { getPostgreSQLEventStore, postgreSQLRawSQLProjection } from '@event-driven-io/emmett-postgresql'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'

/** A message and the count of its conversation, in one transaction. */
export async function openKysely(connectionString) {
  const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, max: 2 }) }) })
  await sql`create table if not exists crud_conversation (id text primary key, message_count integer not null)`.execute(
    db,
  )
  await sql`create table if not exists crud_message (
    id text primary key, conversation_id text not null, text text not null, created_at timestamptz not null)`.execute(
    db,
  )
  return {
    async say(conversation, id, text) {
      await db.transaction().execute(async (transaction) => {
        await transaction
          .insertInto('crud_conversation')
          .values({ id: conversation, message_count: 1 })
          .onConflict((on) => on.column('id').doUpdateSet({ message_count: sql`crud_conversation.message_count + 1` }))
          .execute()
        await transaction
          .insertInto('crud_message')
          .values({ id, conversation_id: conversation, text, created_at: new Date() })
          .execute()
      })
    },
    close: () => db.destroy(),
  }
}

/** An event, and the same two rows, in one transaction. */
export async function openEmmett(connectionString) {
  const messages = postgreSQLRawSQLProjection({
    name: 'emmett_message',
    canHandle: ['MessageSent'],
    init: () => [
      SQL`create table if not exists emmett_conversation (id text primary key, message_count integer not null)`,
      SQL`create table if not exists emmett_message (
        id text primary key, conversation_id text not null, text text not null, created_at timestamptz not null)`,
    ],
    evolve: ({ data: { id, conversation, text, at } }) => [
      SQL`insert into emmett_conversation values (${conversation}, 1)
        on conflict (id) do update set message_count = emmett_conversation.message_count + 1`,
      SQL`insert into emmett_message values (${id}, ${conversation}, ${text}, ${at})`,
    ],
  })
  const store = getPostgreSQLEventStore(connectionString, { projections: projections.inline([messages]) })
  await store.schema.migrate()
  return {
    async say(conversation, id, text) {
      const at = new Date().toISOString()
      await store.appendToStream(`conversation-${conversation}`, [
        { type: 'MessageSent', data: { id, conversation, text, at } },
      ])
    },
    close: () => store.close(),
  }
}
