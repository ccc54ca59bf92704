/** The read side: a rebuild against its own limits and other roads, and how soon an append is visible. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { startEmbeddedEventStore } from '../src/embedded/eventstore/start-embedded.ts'
import { startEmbeddedPostgres } from '../src/embedded/postgres/embedded-postgres.ts'
import { createCodec } from '../src/events/codec.ts'
import { createConversationQueries } from '../src/projections/conversation-queries.ts'
import { type Database, type DatabaseOptions, openDatabase } from '../src/projections/database.ts'
import { GenerationFeeder } from '../src/projections/generation-feeder.ts'
import { writerLimits } from '../src/projections/generation-writer.ts'
import {
  createGeneration,
  findLiveGeneration,
  type Generation,
  indexGeneration,
} from '../src/projections/generations.ts'
import { beginMigrating, MIGRATING } from '../src/projections/migrations.ts'
import { createProjectionWriter } from '../src/projections/projection-writer.ts'
import { readModels } from '../src/projections/projectors.ts'
import type { ConversationQueries } from '../src/projections/query-types.ts'
import { columnNames } from '../src/projections/read-model.ts'
import { rebuildProjections } from '../src/projections/rebuild.ts'
import { silentLogger } from '../src/shared/logger.ts'
import type { EventStore } from '../src/store/event-store.ts'
import { openEventStoreDb } from '../src/store/eventstoredb-store.ts'
import { type Bench, type BenchResult, figureOf, interleaved, type Row, ratioTo } from './measurement.ts'
import { conversations, encode, fillRecord } from './projections-load.ts'
import { measureQueries } from './projections-queries.ts'
import { measureRoads, roadsNote } from './projections-roads.ts'
import { measureSearch } from './projections-search.ts'

export const bench: Bench = { name: 'projections', run }

/** A whole run takes half an hour on two cores; fewer events, or fewer repetitions, can be asked for. */
const EVENTS = Number(process.env['EMBERLOG_BENCH_EVENTS'] ?? 1_000_000)
const REPETITIONS = Number(process.env['EMBERLOG_BENCH_REPETITIONS'] ?? 5)
const EVENTS_QUICK = 20_000
/** The memory of a rebuild is compared with that of a rebuild of this part of the events. */
const MEMORY_PART = 10
const EVENTS_ONE_BY_ONE = 2_000
const LIVE_RATE = 500
const FIRST_LIVE_SEED = 11

interface Stage {
  readonly store: EventStore
  readonly database: Database
  /** One for all: a process has one connection to hear of new positions. */
  readonly queries: ConversationQueries
  readonly events: number
}

const codec = createCodec()

async function run({ isQuick }: { isQuick: boolean }): Promise<BenchResult> {
  const repetitions = isQuick ? 1 : REPETITIONS
  const messages = isQuick ? 20_000 : EVENTS
  const directory = await mkdtemp(join(tmpdir(), 'emberlog-bench-'))
  const postgres = await startEmbeddedPostgres({ dataDirectory: directory, maxConnections: 30, logger: silentLogger })
  const record = await startEmbeddedEventStore({ dataDirectory: join(directory, 'record') })
  const store = openEventStoreDb({ connectionString: record.connectionString, logger: silentLogger })
  const { connectionString } = postgres
  const options = { connectionString, connectionsMax: 8, applicationName: 'bench', logger: silentLogger }
  const database = await openDatabase(options)
  try {
    const events = await fillRecord(store, isQuick ? EVENTS_QUICK : EVENTS)
    const queries = createConversationQueries({ database, logger: silentLogger })
    const stage = { store, database, queries, events }
    await rebuild(stage) // Once before the clock runs, for the rows that COPY starts from.
    await copyOut(stage)
    const samples = await interleaved(repetitions, {
      read: () => readAlone(stage),
      copy: () => copyAlone(stage),
      rebuild: () => rebuild(stage),
      oneByOne: () => oneByOne(stage),
    })
    const urls = [record.connectionString, connectionString] as const
    const memory = await interleaved(isQuick ? 1 : 3, {
      part: () => memoryOf(urls, events / MEMORY_PART),
      whole: () => memoryOf(urls, events),
    })
    const live = await liveRounds(stage, isQuick ? 2 : 8, repetitions)
    const roads = await measureRoads({ ...stage, connectionString, messages: isQuick ? 50 : 300 })
    const searched = await measureSearch(stage)
    const asked = await queryRows(options, messages)
    return {
      title: `The read side, ${events.toLocaleString('en')} events`,
      repetitions,
      rows: [...rebuildRows(samples), ...memoryRows(memory), ...liveRows(live), ...roads, ...searched, ...asked],
      notes: [
        'COPY alone: the same rows from files of the server, then the same indexes; rates are events of the log per second',
        `memory: most resident of a process that only rebuilds; queries: ${messages.toLocaleString('en')} messages of 500 people`,
        roadsNote,
        `live: ${LIVE_RATE} single appends a second; visible: from the call of append until a query that waits for it may read; the generation before the live one is fed, too`,
      ],
    }
  } finally {
    await database.close()
    await store.close()
    await record.stop()
    await postgres.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

function rebuildRows(samples: Record<'read' | 'copy' | 'rebuild' | 'oneByOne', number[]>): Row[] {
  const figures = {
    read: figureOf(samples.read),
    copy: figureOf(samples.copy),
    rebuild: figureOf(samples.rebuild),
    oneByOne: figureOf(samples.oneByOne),
  }
  const limit = Math.min(figures.read.median, figures.copy.median)
  const unit = 'events/s'
  return [
    { what: 'subscription read alone', unit, figure: figures.read },
    { what: 'COPY of the same rows alone', unit, figure: figures.copy },
    {
      what: 'rebuild, end to end',
      unit,
      figure: figures.rebuild,
      ratio: ratioTo('the slower of its limits', figures.rebuild.median / limit, { atLeast: 0.6 }),
    },
    {
      what: 'one transaction for each event',
      unit,
      figure: figures.oneByOne,
    },
    {
      what: 'rebuild, compared with that',
      unit,
      figure: figures.rebuild,
      ratio: ratioTo('one by one', figures.rebuild.median / figures.oneByOne.median, { atLeast: 20 }),
    },
  ]
}

/** Megabytes, of a process of its own. */
async function memoryOf([eventStoreUrl, databaseUrl]: readonly [string, string], events: number): Promise<number> {
  const script = fileURLToPath(new URL('./projections-memory.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script, eventStoreUrl, databaseUrl, String(events)])
  return Number(stdout) / 1e6
}

function memoryRows({ part, whole }: Record<'part' | 'whole', number[]>): Row[] {
  const [small, large] = [figureOf(part), figureOf(whole)]
  const ratio = ratioTo('that of a tenth', large.median / small.median, { atMost: 1.2 })
  return [
    { what: 'memory of a rebuild of a tenth', unit: 'MB', figure: small },
    { what: 'memory of the whole rebuild', unit: 'MB', figure: large, ratio },
  ]
}

/** On a database of their own: the rows are made by SQL, for speed and not for truth. */
async function queryRows(options: DatabaseOptions, messages: number): Promise<Row[]> {
  const url = new URL(options.connectionString)
  url.pathname = '/bench_queries'
  const admin = new Client({ connectionString: options.connectionString })
  await admin.connect()
  await admin.query('create database bench_queries')
  await admin.end()
  const database = await openDatabase({ ...options, connectionString: url.href })
  try {
    return await measureQueries(database, url.href, messages)
  } finally {
    await database.close()
  }
}

function perSecond(events: number, startedAt: number): number {
  return events / ((performance.now() - startedAt) / 1_000)
}

async function rebuild({ database, store, events }: Stage): Promise<number> {
  const startedAt = performance.now()
  await rebuildProjections({ database, reader: store, codec, logger: silentLogger, isForced: true })
  return perSecond(events, startedAt)
}

async function readAlone({ store, events }: Stage): Promise<number> {
  const ending = new AbortController()
  const startedAt = performance.now()
  let count = 0
  const all = { after: 'start', streamPrefixes: ['conversation-'], signal: ending.signal } as const
  for await (const { kind } of store.subscribeToAll(all)) {
    if (kind === 'event') count += 1
    if (count === events) break
  }
  ending.abort()
  return perSecond(events, startedAt)
}

const fileOf = (model: string) => `current_setting('data_directory') || '/bench-${model}.copy'`

/** Leaves the rows of the live generation in files that the server can read. */
async function copyOut({ database }: Stage): Promise<void> {
  const live = (await findLiveGeneration(database.queries)) as Generation
  await inTransaction(database, async (script) => {
    for (const model of readModels) {
      const select = `select ${columnNames(model).join(', ')} from ${live.schema}.${model.name}`
      await script(`do $$ begin execute format('copy (${select}) to %L', ${fileOf(model.name)}); end $$`)
    }
  })
}

async function copyAlone({ database, events }: Stage): Promise<number> {
  const startedAt = performance.now()
  await inTransaction(database, async (script, connection) => {
    await beginMigrating(connection)
    const { schema } = await createGeneration(connection, 1)
    for (const model of readModels) {
      const target = `${schema}.${model.name} (${columnNames(model).join(', ')})`
      await script(`do $$ begin execute format('copy ${target} from %L', ${fileOf(model.name)}); end $$`)
    }
    await indexGeneration(connection, schema)
  })
  return perSecond(events, startedAt)
}

type Connection = Parameters<Parameters<Database['queries']['withConnection']>[0]>[0]

function inTransaction(
  database: Database,
  work: (script: Connection['script'], connection: Connection) => Promise<void>,
): Promise<void> {
  return database.queries.withConnection((connection) =>
    connection.transaction(() => work(connection.script, connection), MIGRATING),
  )
}

/** The projector that most begin with: each event is a transaction of its own. */
async function oneByOne({ database, store }: Stage): Promise<number> {
  const generation = await database.queries.withConnection((connection) =>
    connection.transaction(async () => {
      await beginMigrating(connection)
      const made = await createGeneration(connection, 1)
      await indexGeneration(connection, made.schema) // What a rebuild ends with, it has from its first event on.
      return made
    }, MIGRATING),
  )
  return database.writer.withConnection(async (connection) => {
    const ending = new AbortController()
    const parts = { reader: store, codec, logger: silentLogger, limits: { ...writerLimits, eventsMax: 1 } }
    const feeder = await GenerationFeeder.open(parts, connection, generation)
    feeder.onStored = () => {
      if (feeder.handledTotal >= EVENTS_ONE_BY_ONE) ending.abort()
    }
    const startedAt = performance.now()
    await feeder.follow(ending.signal)
    return perSecond(feeder.handledTotal, startedAt)
  })
}

interface LiveLatencies {
  readonly appendMs: number[]
  readonly commitMs: number[]
  readonly visibleMs: number[]
}

/** Rounds of so many seconds. The first is for warming up and not counted; what the rebuilds left to write is written before. */
async function liveRounds(stage: Stage, seconds: number, rounds: number): Promise<LiveLatencies[]> {
  await stage.database.queries.query('checkpoint')
  const measured: LiveLatencies[] = []
  for (let round = 0; round <= rounds; round += 1) {
    const latencies = await liveLatencies(stage, seconds, FIRST_LIVE_SEED + round)
    if (round > 0) measured.push(latencies)
  }
  return measured
}

async function liveLatencies(
  { store, database, queries }: Stage,
  seconds: number,
  seed: number,
): Promise<LiveLatencies> {
  const writer = createProjectionWriter({ database, reader: store, codec, logger: silentLogger })
  writer.start()
  await queries.waitFor({ position: (await store.lastPosition()) ?? neverAsked(), waitMsMax: 60_000 })
  const appendMs: number[] = []
  const visibleMs: number[] = []
  const one = async (stream: string, event: Parameters<typeof encode>[1][number]) => {
    const startedAt = performance.now()
    const result = await store.append(stream, await encode(stream, [event]), 'any')
    appendMs.push(performance.now() - startedAt)
    if (result.kind !== 'appended') return
    await queries.waitFor({ position: result.position, waitMsMax: 30_000 })
    visibleMs.push(performance.now() - startedAt)
  }
  const running: Promise<void>[] = []
  const startedAt = performance.now()
  for (const { stream, event } of singleEvents(LIVE_RATE * seconds, seed)) {
    const dueMs = (running.length / LIVE_RATE) * 1_000 - (performance.now() - startedAt)
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs))
    running.push(one(stream, event))
  }
  await Promise.all(running)
  await writer.stop()
  return { appendMs, visibleMs, commitMs: await commitLatencies(database) }
}

function* singleEvents(count: number, seed: number) {
  let given = 0
  for (const { stream, events } of conversations(count, seed)) {
    for (const event of events) {
      if (given === count) return
      given += 1
      yield { stream, event }
    }
  }
}

/** The bare commit of one small row, as often as it takes for a median. */
async function commitLatencies(database: Database): Promise<number[]> {
  const samples: number[] = []
  await database.writer.withConnection(async (connection) => {
    await connection.script('create table if not exists public.bench_commit (n bigint)')
    for (let index = 0; index < 300; index += 1) {
      const startedAt = performance.now()
      await connection.query('insert into public.bench_commit values ($1)', [index])
      samples.push(performance.now() - startedAt)
    }
    await connection.script('drop table public.bench_commit')
  })
  return samples
}

function liveRows(rounds: readonly LiveLatencies[]): Row[] {
  const p50s = (name: keyof LiveLatencies) => rounds.map((round) => figureOf(round[name]).median)
  const p99 = (samples: readonly number[]) => samples.toSorted((a, b) => a - b)[Math.floor(samples.length * 0.99)] ?? 0
  const append = figureOf(p50s('appendMs'))
  const commit = figureOf(p50s('commitMs'))
  const visible = figureOf(p50s('visibleMs'))
  const unit = 'ms'
  return [
    { what: 'append, p50', unit, figure: append },
    { what: 'commit, p50', unit, figure: commit },
    {
      what: 'append to visible, p50',
      unit,
      figure: visible,
      ratio: ratioTo('append and commit', visible.median / (append.median + commit.median), { atMost: 2 }),
    },
    { what: 'append to visible, p99', unit, figure: figureOf(rounds.map(({ visibleMs }) => p99(visibleMs))) },
  ]
}

function neverAsked(): never {
  throw new Error('the record is empty')
}
