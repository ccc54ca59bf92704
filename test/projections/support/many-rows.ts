/** Fills a generation with many rows by SQL alone: for plans and speed, not for truth. */
import type { Database } from '../../../src/projections/database.ts'

const WORDS = `array['retrieval', 'vector', 'index', 'model', 'prompt', 'agent', 'token', 'embedding', 'search', 'answer']`

/** A well-formed UUID (version 4) from any text. */
const uuid = (text: string) => `overlay(overlay(md5(${text}) placing '4' from 13) placing '8' from 17)::uuid`

/** So many conversations, of `owners` people, with ten turns, two facts and a project each; every tenth project is shared. */
export async function fillWithRows(database: Database, schema: string, conversations: number, owners: number) {
  await database.queries.withConnection((connection) =>
    connection.transaction(
      () =>
        connection.script(`
        set local search_path = ${schema};
        insert into conversation
        select ${uuid("'c' || n")}, 'client-' || n, 'owner-' || (n % ${owners}), 'ember_chat', 'Title ' || n,
          'first message', n % 10 = 0, 20, 'preview', '2026-01-01'::timestamptz + n * interval '1 second',
          '2026-01-01'::timestamptz + n * interval '1 second', null, 40, n * 1000
        from generate_series(1, ${conversations}) as n;
        insert into turn (conversation_id, turn_id, owner_id, message_id, response_message_id, is_regeneration, status,
          intent, agent, asked_at, asked_position)
        select ${uuid("'c' || n")}, ${uuid("n || 't' || t")}, 'owner-' || (n % ${owners}), 'm' || n || '-' || t,
          md5(n || 'a' || t), false, 'completed', 'learning', 'learning',
          '2026-01-01'::timestamptz + n * interval '1 second', n * 1000 + t * 4
        from generate_series(1, ${conversations}) as n, generate_series(1, 10) as t;
        insert into message (conversation_id, message_id, turn_id, owner_id, parent_message_id, role, text, language,
          status, created_at, position)
        select ${uuid("'c' || n")}, case r when 0 then 'm' || n || '-' || t else md5(n || 'a' || t) end,
          ${uuid("n || 't' || t")}, 'owner-' || (n % ${owners}), null, case r when 0 then 'user' else 'assistant' end,
          'This is about ' || (${WORDS})[1 + (n + t) % 10] || ' and ' || (${WORDS})[1 + (n * t) % 10] || ' number ' || n,
          'english', 'sent', '2026-01-01'::timestamptz + n * interval '1 second', n * 1000 + t * 4 + r * 2
        from generate_series(1, ${conversations}) as n, generate_series(1, 10) as t, generate_series(0, 1) as r;
        insert into routing_decision
        select conversation_id, turn_id, owner_id, 'learning', 'learning', 'model', 0.9, '[]', '[]', null, '1', 0.4,
          asked_at, null, null
        from turn;
        insert into event_index
        select conversation_id, position, 'conversation-' || conversation_id, position % 1000, turn_id, 'MessageSent',
          'user', owner_id, turn_id::text, 'message', created_at
        from message;
        insert into profile_fact
        select ${uuid(`'p' || (n % ${owners})`)}, ${uuid("n || 'f' || f")}, 'owner-' || (n % ${owners}), 'name', 'value', ${uuid("n || 't1'")}, ${uuid("'c' || n")},
          0, 5, '2026-01-01'::timestamptz + n * interval '1 second', null, n * 1000
        from generate_series(1, ${conversations}) as n, generate_series(1, 2) as f;
        insert into project (person_id, project_id, owner_id, title, ownership, notes, source_turn_id, source_conversation_id,
          drafted_at, updated_at, shared_at, last_position)
        select ${uuid(`'p' || (n % ${owners})`)}, ${uuid("'project' || n")}, 'owner-' || (n % ${owners}),
          'About ' || (${WORDS})[1 + n % 10], 'person', '["a note"]', ${uuid("n || 't1'")}, ${uuid("'c' || n")},
          '2026-01-01'::timestamptz + n * interval '1 second', '2026-01-01'::timestamptz + n * interval '1 second',
          case n % 10 when 0 then '2026-01-01'::timestamptz + n * interval '1 second' end, n * 1000
        from generate_series(1, ${conversations}) as n`),
      { mayTakeLong: true },
    ),
  )
  await database.queries.withConnection((connection) =>
    connection.transaction(
      () =>
        connection.script(`analyze ${schema}.conversation, ${schema}.message, ${schema}.turn,
          ${schema}.routing_decision, ${schema}.event_index, ${schema}.profile_fact, ${schema}.project`),
      { mayTakeLong: true },
    ),
  )
}
