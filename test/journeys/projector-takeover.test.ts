import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createCommandHandler } from '../../src/commands/command-handler.ts'
import { conversationDecider } from '../../src/commands/conversation-decider.ts'
import { createConversationGateway } from '../../src/commands/conversation-handler.ts'
import { type Database, openDatabase } from '../../src/projections/database.ts'
import { digestOfGeneration } from '../../src/projections/generation-digest.ts'
import { findLiveGeneration } from '../../src/projections/generations.ts'
import { rebuildProjections } from '../../src/projections/rebuild.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { mintId } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { codec } from '../projections/support/record.ts'
import { startTestPostgres, type TestPostgres } from '../projections/support/test-postgres.ts'
import { eventually } from '../projections/support/waiting.ts'
import { makeDataDirectory, type Program, startProgram } from '../support/program.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'

const TAKE_OVER_MS_MAX = 5_000
const TEST_MS_MAX = 120_000

let postgres: TestPostgres
let record: RecordHarness
let databaseUrl: string
let database: Database
const programs: Program[] = []
const cleanUps: (() => Promise<void>)[] = []
beforeAll(async () => {
  postgres = await startTestPostgres()
  record = await startRecord()
})
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.killAll()))
  await Promise.all(cleanUps.splice(0).map((cleanUp) => cleanUp()))
  await database.close()
})
afterAll(async () => {
  await record.stop()
  await postgres.stop()
})

async function openFresh(): Promise<void> {
  databaseUrl = await postgres.createDatabase()
  database = await openDatabase({
    connectionString: databaseUrl,
    connectionsMax: 4,
    applicationName: 'emberlog-observer',
    logger: silentLogger,
  })
}

async function startProjector(): Promise<Program> {
  const { directory, remove } = await makeDataDirectory()
  cleanUps.push(remove)
  const program = await startProgram(directory, {
    EMBERLOG_ROLES: 'projector',
    AUTH_JWT_SECRET: 'a secret that the nodes of this test have in common',
    EVENTSTORE_URL: record.connectionString,
    DATABASE_URL: databaseUrl,
    DATABASE_CONNECTIONS_MAX: '4',
  })
  programs.push(program)
  return program
}

const handler = () =>
  createCommandHandler({
    store: record.store,
    codec,
    clock: systemClock,
    decider: conversationDecider,
    personOf: ({ ownerId }) => ownerId ?? 'ada',
  })
let gateway: ReturnType<typeof createConversationGateway>

const CONVERSATIONS = 8
let said = 0

/** Says something in the next of a few conversations, each of which may wait for some answers; returns the position. */
async function say(text: string): Promise<bigint> {
  gateway ??= createConversationGateway(handler())
  said += 1
  const request = { ownerId: 'ada', clientConversationId: `c-${said % CONVERSATIONS}`, commandId: mintId() }
  const outcome = await gateway.sendMessage(request, { messageId: mintId(), text, channel: 'rest' })
  if (outcome.kind !== 'accepted') throw new Error(outcome.code)
  return outcome.position
}

const handled = async () => (await findLiveGeneration(database.queries))?.position ?? -1n

const ownerOf = async () => {
  const [owner] = await database.queries.query<{ instance: string }>(
    `select substring(application_name from '([0-9a-f]+)/') as instance
    from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and mode = 'ExclusiveLock' and granted and application_name like 'emberlog writer%'`,
  )
  return owner?.instance
}

/** The rows are what a clean replay makes of the record. */
async function expectCleanRows(): Promise<void> {
  const live = await findLiveGeneration(database.queries)
  const before = await digestOfGeneration(database.queries, live?.schema ?? '')
  for (const program of programs) await program.killAll()
  await rebuildProjections({ database, reader: record.store, codec, logger: silentLogger, isForced: true })
  const rebuilt = await findLiveGeneration(database.queries)
  expect(await digestOfGeneration(database.queries, rebuilt?.schema ?? '')).toEqual(before)
}

describe('a projector process', () => {
  test(
    'that is killed is replaced by a standby within five seconds',
    async () => {
      await openFresh()
      const owner = await startProjector()
      const first = await say('Who writes this?')
      await eventually('written', async () => (await handled()) >= first)
      await startProjector()
      await owner.killAll()
      const killedAt = performance.now()
      const position = await say('And who this?')
      await eventually('the standby writes', async () => (await handled()) >= position)
      expect(performance.now() - killedAt).toBeLessThan(TAKE_OVER_MS_MAX)
      await expectCleanRows()
    },
    TEST_MS_MAX,
  )

  test(
    'that is paused is replaced, too, and changes nothing when it wakes up',
    async () => {
      await openFresh()
      const paused = await startProjector()
      const first = await say('Who writes this?')
      await eventually('written', async () => (await handled()) >= first)
      const ownerBefore = await ownerOf()
      await startProjector()
      // In the middle of its work: messages arrive while it falls asleep.
      const saying = Promise.all(Array.from({ length: 20 }, (_, index) => say(`Message ${index}`)))
      const processes = await paused.processes()
      for (const pid of processes) process.kill(pid, 'SIGSTOP')
      const pausedAt = performance.now()
      await saying
      // It may have written all of those before it fell asleep; this one it cannot have.
      const last = await say('While it sleeps')
      await eventually('the standby writes', async () => (await handled()) >= last)
      expect(performance.now() - pausedAt).toBeLessThan(TAKE_OVER_MS_MAX)
      const ownerAfter = await ownerOf()
      expect(ownerAfter).not.toBe(ownerBefore)
      for (const pid of processes) process.kill(pid, 'SIGCONT')
      for (let index = 0; index < 20; index += 1) await say(`Later ${index}`)
      const later = await say('The last')
      await eventually('all is written', async () => (await handled()) >= later)
      await eventually('it stands by', async () => paused.complaints().includes('trying again'))
      expect(await ownerOf()).toBe(ownerAfter)
      await expectCleanRows()
    },
    TEST_MS_MAX,
  )
})
