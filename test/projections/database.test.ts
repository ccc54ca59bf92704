import { readdirSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { divideBudget } from '../../src/projections/connection-budget.ts'
import { isFault } from '../../src/shared/failures.ts'
import type { Logger } from '../../src/shared/logger.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'
import { eventually } from './support/waiting.ts'

const CONNECTIONS_OF_SERVER = 20
/** Postgres writes everything to disk before it stops. */
const RESTART_MS_MAX = 120_000
const MIGRATIONS = readdirSync(new URL('../../src/projections/sql/control/', import.meta.url)).sort()
let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startTestPostgres(CONNECTIONS_OF_SERVER)
})
afterAll(() => postgres.stop())
afterEach(() => postgres.closeDatabases())

const isBusy = (error: unknown) => isFault(error, 'database-busy')

describe('the budget of connections', () => {
  test('is divided into shares that are never more than the whole', () => {
    expect(divideBudget(2)).toEqual({ writer: 1, listener: 0, vault: 0, comparison: 0, queries: 1 })
    expect(divideBudget(3)).toEqual({ writer: 1, listener: 0, vault: 1, comparison: 0, queries: 1 })
    expect(divideBudget(4)).toEqual({ writer: 1, listener: 1, vault: 1, comparison: 0, queries: 1 })
    expect(divideBudget(10)).toEqual({ writer: 2, listener: 1, vault: 1, comparison: 0, queries: 6 })
    expect(divideBudget(10, 4)).toEqual({ writer: 4, listener: 1, vault: 1, comparison: 0, queries: 4 })
    for (let connectionsMax = 2; connectionsMax < 40; connectionsMax += 1) {
      const shares = Object.values(divideBudget(connectionsMax, 1 + (connectionsMax % 64)))
      expect(shares.reduce((sum, share) => sum + share)).toBe(connectionsMax)
      expect(divideBudget(connectionsMax, 64).queries).toBeGreaterThan(0)
    }
    for (const wrong of [1, 0, -1, 2.5]) {
      expect(() => divideBudget(wrong)).toThrow('connection-budget-too-small')
    }
  })

  test('that the server cannot give is refused, in plain numbers', async () => {
    const open = postgres.open({ connectionsMax: CONNECTIONS_OF_SERVER })
    await expect(open).rejects.toMatchObject({
      code: 'connection-budget-too-large',
      details: { connectionsMax: 20, available: 17, connectionsOfServer: 20, reserved: 3 },
    })
  })

  test('counts the whole budgets of other processes, however idle they are', async () => {
    await postgres.open({ connectionsMax: 10 })
    await expect(postgres.open({ connectionsMax: 8 })).rejects.toMatchObject({
      code: 'connection-budget-too-large',
      details: { available: 7, budgetsOfOthers: 10 },
    })
  })

  test('is never exceeded, seen from the server', async () => {
    const connectionString = await postgres.createDatabase()
    const database = await postgres.open({ connectionString, connectionsMax: 5, limits: { acquireMsMax: 20_000 } })
    const observer = await postgres.connect(connectionString)
    let seenMax = 0
    let isOver = false
    const observing = (async () => {
      while (!isOver) {
        const { rows } = await observer.query(
          `select count(*)::integer as count from pg_stat_activity where application_name like 'emberlog-test queries%'`,
        )
        seenMax = Math.max(seenMax, rows[0].count)
      }
    })()
    const work = Array.from({ length: 200 }, (_, index) => {
      const statement = index % 4 === 0 ? 'select pg_terminate_backend(pg_backend_pid())' : 'select pg_sleep(0.01)'
      return database.queries.withConnection((connection) => connection.query(statement)).catch(() => {})
    })
    await Promise.all(work)
    isOver = true
    await observing
    await observer.end()
    expect(divideBudget(5).queries).toBe(2)
    expect(seenMax).toBeGreaterThan(0)
    expect(seenMax).toBeLessThanOrEqual(2)
  })

  test('is named in pg_stat_activity by program and share', async () => {
    const database = await postgres.open({ connectionsMax: 4 })
    const names = await database.queries.query<{ name: string }>(
      'select application_name as name from pg_stat_activity where pid = pg_backend_pid()',
    )
    expect(names[0]?.name).toMatch(/^emberlog-test queries [0-9a-f]{6}\/4$/)
  })
})

describe('a request for a connection', () => {
  test('that waits too long is answered as busy, and later ones are served', async () => {
    const database = await postgres.open({ connectionsMax: 3, limits: { acquireMsMax: 30 } })
    const release = Promise.withResolvers<void>()
    const holding = database.queries.withConnection(() => release.promise)
    await expect(database.queries.query('select 1')).rejects.toSatisfy(isBusy)
    release.resolve()
    await holding
    expect(await database.queries.query('select 1 as one')).toEqual([{ one: 1 }])
    expect(database.metrics().find(({ name }) => name === 'queries')).toMatchObject({
      busyTotal: 1,
      inUse: 0,
      waiting: 0,
    })
  })

  test('is answered as busy at once when too many wait', async () => {
    const database = await postgres.open({ connectionsMax: 3, limits: { waitersMax: 2 } })
    const release = Promise.withResolvers<void>()
    const holding = database.queries.withConnection(() => release.promise)
    const waiting = [1, 2].map(() => database.queries.query('select 1'))
    await expect(database.queries.query('select 1')).rejects.toSatisfy(isBusy)
    release.resolve()
    await holding
    expect(await Promise.all(waiting)).toHaveLength(2)
  })

  test('fails as unavailable when the database is closed', async () => {
    const database = await postgres.open()
    await database.close()
    await expect(database.queries.query('select 1')).rejects.toSatisfy((error) =>
      isFault(error, 'database-unavailable'),
    )
  })
})

describe('a statement', () => {
  test('that takes too long is ended by the server and answered as busy', async () => {
    const database = await postgres.open({ limits: { queryMsMax: 1_000 } })
    await expect(database.queries.query('select pg_sleep(20)')).rejects.toSatisfy(isBusy)
    expect(await database.queries.query('select 1 as one')).toEqual([{ one: 1 }])
  })

  test('that waits too long for a lock is answered as busy', async () => {
    const connectionString = await postgres.createDatabase()
    const database = await postgres.open({ connectionString, limits: { lockMsMax: 50 } })
    const other = await postgres.connect(connectionString)
    await other.query('begin; lock table emberlog.checkpoint in access exclusive mode')
    await expect(database.queries.query('select from emberlog.checkpoint')).rejects.toSatisfy(isBusy)
    await other.end()
  })

  test('that is wrong says so, and the connection stays', async () => {
    const database = await postgres.open()
    await expect(database.queries.query('select 1/0')).rejects.toMatchObject({
      code: 'database-refused',
      details: { sqlState: '22012' },
    })
    await expect(database.queries.query('select from nowhere')).rejects.toMatchObject({ code: 'read-models-missing' })
  })
})

describe('a prepared statement', () => {
  test('is planned once on each connection, and there are never too many of them', async () => {
    const database = await postgres.open()
    await database.writer.withConnection(async (connection) => {
      const kept = () => connection.query<{ count: bigint }>('select count(*) as count from pg_prepared_statements')
      for (const n of [1, 2, 3]) {
        expect(await connection.prepared('select $1::integer as n', [n])).toEqual([{ n }])
      }
      expect(await kept()).toEqual([{ count: 1n }])
      for (let n = 0; n < 100; n += 1) {
        expect(await connection.prepared(`select ${n} + $1::integer as n`, [1])).toEqual([{ n: n + 1 }])
      }
      expect(await kept()).toEqual([{ count: 64n }])
      await expect(connection.prepared('select 1 / $1::integer', [0])).rejects.toMatchObject({
        code: 'database-refused',
      })
    })
  })
})

describe('copies', () => {
  test('of several tables are all done in one round trip, or none is, and the connection stays', async () => {
    const database = await postgres.open()
    await database.writer.withConnection(async (connection) => {
      await connection.script('create table one (id integer primary key, word text); create table other (id integer)')
      const copyWords = { text: 'copy one (id, word) from stdin', rows: ['1\tfirst\n', '2\t\\N\n'] }
      await connection.copyIn([copyWords, { text: 'copy other (id) from stdin', rows: ['7\n'] }])
      const rows = await connection.query('select one.id, word, other.id as other from one, other order by one.id')
      expect(rows).toEqual([
        { id: 1, word: 'first', other: 7 },
        { id: 2, word: null, other: 7 },
      ])

      const manyRows = Array.from({ length: 200_000 }, (_, index) => `${index}\n`).join('')
      const copies = ['no number\n', manyRows].map((rows) => ({ text: 'copy other (id) from stdin', rows: [rows] }))
      await expect(connection.copyIn(copies)).rejects.toMatchObject({ code: 'database-refused' })
      await expect(connection.copyIn([...copies].reverse())).rejects.toMatchObject({ code: 'database-refused' })
      expect(await connection.query('select id from other')).toEqual([{ id: 7 }])
    })
  })
})

describe('a connection', () => {
  test('that is held without being used is reported, and one in use is not', async () => {
    const reports: Record<string, unknown>[] = []
    const logger: Logger = { ...silentLogger, error: (fields) => reports.push(fields) }
    const database = await postgres.open({ logger, limits: { heldIdleMsMax: 700 } })
    await database.queries.withConnection((connection) => connection.query('select pg_sleep(1.5)'))
    expect(reports).toEqual([])
    const release = Promise.withResolvers<void>()
    const holding = database.queries.withConnection(() => release.promise)
    await eventually('reported', () => reports.length > 0)
    release.resolve()
    await holding
    expect(reports).toEqual([{ pool: 'queries', heldMs: 700 }])
    expect(database.metrics().find(({ name }) => name === 'queries')).toMatchObject({ heldTooLongTotal: 1 })
  })

  test('that is held across a wait fails the test that does it', async () => {
    const own = await startTestPostgres(20)
    const reported = Promise.withResolvers<void>()
    const database = await own.open({ logger: { ...silentLogger, error: () => reported.resolve() } })
    await database.queries.withConnection(() => reported.promise)
    await expect(own.closeDatabases()).rejects.toThrow('pool queries held 1 connections across a wait')
    await own.stop()
  })

  test('that dies idle is replaced without anyone noticing', async () => {
    const connectionString = await postgres.createDatabase()
    const database = await postgres.open({ connectionString })
    const killer = await postgres.connect(connectionString)
    for (let round = 0; round < 10; round += 1) {
      await killer.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%queries%'`,
      )
      expect(await database.queries.query('select 1 as one')).toEqual([{ one: 1 }])
    }
    await killer.end()
  })

  test(
    'cannot be had while the server is away, and can again when it is back',
    async () => {
      const database = await postgres.open()
      const restarted = postgres.server.restart()
      await eventually('away', () =>
        database.queries.query('select 1').then(
          () => false,
          (error) => isFault(error, 'database-unavailable'),
        ),
      )
      await restarted
      expect(await database.queries.query('select 1 as one')).toEqual([{ one: 1 }])
    },
    RESTART_MS_MAX,
  )
})

describe('migrations', () => {
  test('are applied once, also when several processes start together', async () => {
    const connectionString = await postgres.createDatabase()
    const databases = await Promise.all([1, 2, 3].map(() => postgres.open({ connectionString, connectionsMax: 2 })))
    const applied = await databases[0]?.queries.query<{ name: string }>(
      'select name from emberlog.migration order by number',
    )
    expect(applied?.map(({ name }) => name)).toEqual(MIGRATIONS)
    expect(await databases[0]?.queries.query('select number, state from emberlog.generation')).toEqual([
      { number: 1, state: 'live' },
    ])
  })

  test('refuse to go on when an applied file has changed, or the database is newer', async () => {
    const connectionString = await postgres.createDatabase()
    const database = await postgres.open({ connectionString })
    await database.queries.query(`update emberlog.migration set checksum = 'other'`)
    await expect(database.prepare()).rejects.toMatchObject({ code: 'migration-changed' })
    await database.queries.query(`insert into emberlog.migration values (9999, '9999-later.sql', '')`)
    await database.queries.query(`delete from emberlog.migration where number = 1`)
    await expect(database.prepare()).rejects.toMatchObject({ code: 'migration-changed' })
  })
})
