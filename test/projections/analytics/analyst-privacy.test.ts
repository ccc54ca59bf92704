import { createHmac } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConversationEvent, intents } from '../../../src/events/conversation-events.ts'
import {
  conversationIdOf,
  conversationStream,
  responseMessageIdOf,
  turnIdOf,
} from '../../../src/events/stream-names.ts'
import { analyticsViews, modelPriceTable } from '../../../src/projections/analytics/analytics-catalogue.ts'
import type { Database } from '../../../src/projections/database.ts'
import type { Logger } from '../../../src/shared/logger.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { completed, failed, requested, routed, sent, started, stopped } from '../../support/examples.ts'
import { handleBatches } from '../support/projection.ts'
import { TestRecord } from '../support/record.ts'
import { startTestPostgres, type TestPostgres } from '../support/test-postgres.ts'

/** Stands in everything that people write or name. */
const SECRET = 'wombat7'
const OWNER = `${SECRET}-owner`
const CHAT = `${SECRET}-chat`
const conversationId = conversationIdOf(OWNER, CHAT)

let postgres: TestPostgres
let connectionString: string
let database: Database
/** Signed in as a member of the analysts' role. */
let analyst: Client

beforeAll(async () => {
  postgres = await startTestPostgres()
  connectionString = await postgres.createDatabase()
  database = await postgres.open({ connectionString })
  const record = new TestRecord()
  record.append(secretive(), conversationStream(conversationId))
  await handleBatches(database, [record.events])
  await database.queries.query(`create role ann login password 'ann' in role emberlog_analyst`)
  analyst = await postgres.connect(signedInAs('ann'))
})
afterAll(async () => {
  await analyst?.end()
  await postgres.stop()
})

function signedInAs(user: string): string {
  const url = new URL(connectionString)
  url.username = user
  url.password = user
  return url.href
}

/** Every event of a conversation, with the secret wherever words of people can stand. */
function secretive(): ConversationEvent[] {
  const messageId = `${SECRET}-m1`
  const turnId = turnIdOf(conversationId, messageId)
  const answerId = responseMessageIdOf(turnId)
  const second = { messageId: `${SECRET}-m2`, turnId: turnIdOf(conversationId, `${SECRET}-m2`) }
  const third = { messageId: `${SECRET}-m3`, turnId: turnIdOf(conversationId, `${SECRET}-m3`) }
  const evidence = [{ kind: 'feature', name: SECRET, weight: 1 }]
  const candidates = [
    { intent: 'learning', probability: 0.9 },
    { intent: SECRET, probability: 0.1 },
  ]
  return [
    started({ conversationId, ownerId: OWNER, clientConversationId: CHAT, title: SECRET }),
    sent('m1', { messageId, turnId, text: `My name is ${SECRET}` }),
    routed('m1', { turnId, evidence }),
    completed('m1', {
      ...{ turnId, messageId: answerId, parentMessageId: messageId, text: SECRET },
      toolCalls: [{ name: 'search', arguments: SECRET, resultBytes: 1, tookMs: 1, outcome: SECRET }],
      citations: [{ entryId: SECRET, title: SECRET, source: SECRET }],
    }),
    { type: 'ResponseRated', data: { messageId: answerId, rating: 'down', note: SECRET } },
    { type: 'IntentCorrected', data: { turnId, intent: SECRET, by: OWNER, note: SECRET } },
    sent('m2', { ...second, text: SECRET, parentMessageId: answerId }),
    routed('m2', { turnId: second.turnId, evidence, candidates }),
    stopped('m2', { turnId: second.turnId, partialText: SECRET, by: OWNER }),
    sent('m3', { ...third, text: SECRET }),
    failed('m3', { turnId: third.turnId, partialText: SECRET }),
    requested(third.messageId),
  ]
}

const shown = async (from: string): Promise<string[]> => {
  const { rows } = await analyst.query<{ line: string }>(
    `select row_to_json(shown)::text as line from ${from} as shown`,
  )
  return rows.map(({ line }) => line)
}

describe('an analyst', () => {
  const places = [
    ...[...analyticsViews, modelPriceTable].map(({ name }) => `analytics.${name}`),
    `analytics.turns_as_of('infinity')`,
    `analytics.usage_as_of('infinity')`,
  ]
  for (const place of places) {
    test(`reads ${place}, and in it no word, name or id of anybody`, async () => {
      const lines = await shown(place)
      expect(lines.length).toBeGreaterThan(0)
      for (const line of lines) {
        expect(line).not.toMatch(/wombat/i)
        expect(line).not.toContain(conversationId)
      }
    })
  }

  test('meets intents of ours only: what else a correction names is other', async () => {
    const { rows } = await analyst.query(
      'select corrected_intent from analytics.turn where corrected_intent is not null',
    )
    expect(rows).toEqual([{ corrected_intent: 'other' }])
    for (const intent of intents) {
      expect(await database.queries.query('select emberlog.known_intent($1) as intent', [intent])).toEqual([{ intent }])
    }
  })

  test('cannot read the key of the pseudonyms, nor compute with it', async () => {
    await expect(analyst.query('select * from emberlog.analyst_key')).rejects.toThrow('permission denied')
    await expect(analyst.query(`select emberlog.pseudonym('', '', 'person:ada')`)).rejects.toThrow('permission denied')
  })

  test('can read nothing outside schema analytics', async () => {
    const reachable = await database.queries.query<{ place: string }>(
      `select format('%I.%I', nspname, relname) as place
      from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
      where relkind in ('r', 'v', 'm', 'p', 'f', 'S')
        and nspname !~ '^pg_|^information_schema$|^analytics$'
        and has_schema_privilege('ann', nspname, 'usage')
        and (relkind = 'S' or has_table_privilege('ann', pg_class.oid, 'select'))`,
    )
    expect(reachable).toEqual([])
    for (const place of ['chat.message', 'chat_g1.turn', 'emberlog.turn_fact', 'emberlog.generation']) {
      await expect(analyst.query(`select * from ${place}`)).rejects.toThrow('permission denied')
    }
  })

  test('cannot write, even in a transaction that is not read-only', async () => {
    await analyst.query('begin read write')
    await expect(analyst.query(`insert into analytics.model_price values ('a', 'b', now(), 1, 1)`)).rejects.toThrow(
      'permission denied',
    )
    await analyst.query('rollback')
    const writes = ['delete from analytics.turn', 'create table analytics.mine ()', 'create table public.mine ()']
    for (const statement of writes) {
      await analyst.query('begin read write')
      await expect(analyst.query(statement)).rejects.toThrow(/permission denied|cannot delete/)
      await analyst.query('rollback')
    }
  })

  test('has a group without a login, read-only by default', async () => {
    const [role] = await database.queries.query(
      `select rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, setconfig
      from pg_roles
        left join pg_db_role_setting on setrole = pg_roles.oid
      where rolname = 'emberlog_analyst'`,
    )
    const may = { rolcanlogin: false, rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolbypassrls: false }
    expect(role).toEqual({ ...may, setconfig: ['default_transaction_read_only=on'] })
  })
})

describe('a pseudonym', () => {
  const keyOf = async (from: Database) => {
    const [row] = await from.queries.query<{ key: Buffer }>('select key from emberlog.analyst_key')
    return row?.key as Buffer
  }

  test('is HMAC-SHA256 of what it stands for, under a key of this installation', async () => {
    const key = await keyOf(database)
    const hmac = (name: string) => createHmac('sha256', key).update(name).digest('hex').slice(0, 32)
    const { rows } = await analyst.query<Record<string, string>>('select * from analytics.turn order by asked_position')
    const plain = (uuid: string | undefined) => uuid?.replaceAll('-', '')
    expect(plain(rows[0]?.['person_key'])).toBe(hmac(`person:${OWNER}`))
    expect(plain(rows[0]?.['conversation_key'])).toBe(hmac(`conversation:${conversationId}`))
    expect(plain(rows[0]?.['turn_key'])).toBe(hmac(`turn:${turnIdOf(conversationId, `${SECRET}-m1`)}`))
  })

  test('joins the facts, and is another one in another installation', async () => {
    const { rows } = await analyst.query<{ count: string }>(
      `select count(*)
      from analytics.turn
        join analytics.routing_decision using (turn_key)
        join analytics.message using (turn_key)
        join analytics.conversation on conversation.conversation_key = turn.conversation_key`,
    )
    expect(rows).toEqual([{ count: '4' }])
    const other = await postgres.open()
    expect((await keyOf(other)).equals(await keyOf(database))).toBe(false)
  })
})

describe('a database user who may not make roles', () => {
  test('goes on without analysts, says so, and grants to the role once an administrator made it', async () => {
    const alone = await startTestPostgres()
    try {
      const admin = await alone.connect(alone.server.connectionString)
      await admin.query(`create role app login password 'app' nocreaterole`)
      await admin.query('create database of_app owner app')
      const url = new URL(alone.server.connectionString)
      url.username = 'app'
      url.password = 'app'
      url.pathname = '/of_app'
      const warnings: string[] = []
      const logger: Logger = { ...silentLogger, warn: (_fields, message) => void warnings.push(String(message)) }
      const without = await alone.open({ connectionString: url.href, logger })
      expect(without.analystAccess()).toBe('no role')
      expect(warnings.join()).toContain('role of analysts')
      expect(await without.queries.query('select * from analytics.daily_usage')).toEqual([])
      await admin.query('create role emberlog_analyst nologin')
      const later = await alone.open({ connectionString: url.href, logger })
      expect(later.analystAccess()).toBe('ready')
      await admin.query(`create role ann login password 'ann' in role emberlog_analyst`)
      url.username = 'ann'
      url.password = 'ann'
      const ann = await alone.connect(url.href)
      expect((await ann.query('select * from analytics.daily_usage')).rows).toEqual([])
      await ann.end()
      await admin.end()
    } finally {
      await alone.stop()
    }
  })
})
