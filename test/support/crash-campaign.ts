/** Kills the writer, Postgres or the store in the middle of work, again and again, and compares the rows with a clean replay. */
import type { ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createCommandHandler } from '../../src/commands/command-handler.ts'
import { conversationDecider } from '../../src/commands/conversation-decider.ts'
import { createConversationGateway } from '../../src/commands/conversation-handler.ts'
import { openDatabase } from '../../src/projections/database.ts'
import { differingModels } from '../../src/projections/generation-digest.ts'
import { findLiveGeneration } from '../../src/projections/generations.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { mintId } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { openEventStoreDb } from '../../src/store/eventstoredb-store.ts'
import { digest, handleBatches } from '../projections/support/projection.ts'
import { codec } from '../projections/support/record.ts'
import { startTestPostgres } from '../projections/support/test-postgres.ts'
import { makeDataDirectory, type Program, runEmberlog, startProgram } from './program.ts'

const victims = ['writer', 'postgres', 'store'] as const
export type Victim = (typeof victims)[number]

export interface CrashRound {
  readonly victim: Victim
  readonly messages: number
  /** From the crash until everything that was accepted is in the rows. */
  readonly recoveredMs: number
  /** Read models whose rows are not those of a clean replay. */
  readonly differing: readonly string[]
}

const MESSAGES_A_ROUND = 30
const CONVERSATIONS = 8
const CRASH_MS_MAX = 400
const RECOVER_MS_MAX = 120_000
const ASK_AGAIN_MS = 50

export async function runCrashCampaign(
  rounds: number,
  options: { readonly partitions?: number; readonly onRound?: (round: CrashRound) => void } = {},
): Promise<CrashRound[]> {
  const { partitions = 1, onRound = () => {} } = options
  await using started = new AsyncDisposableStack()
  const postgres = await startTestPostgres()
  started.defer(postgres.stop)
  const databaseUrl = await postgres.createDatabase()
  const { directory, remove } = await makeDataDirectory()
  started.defer(remove)
  let server = await startStore(directory, 0)
  started.defer(async () => void (await end(server.child)))
  const store = openEventStoreDb({ connectionString: server.url, logger: silentLogger })
  started.defer(store.close)
  const database = await openDatabase({
    connectionString: databaseUrl,
    connectionsMax: 3,
    applicationName: 'emberlog-observer',
    partitions,
    logger: silentLogger,
  })
  started.defer(database.close)
  const environment = {
    EMBERLOG_ROLES: 'projector',
    EVENTSTORE_URL: server.url,
    DATABASE_URL: databaseUrl,
    DATABASE_CONNECTIONS_MAX: '4',
    LOG_LEVEL: 'silent',
  }
  const writerDirectory = await makeDataDirectory()
  started.defer(writerDirectory.remove)
  let writer: Program = await startProgram(writerDirectory.directory, environment)
  started.defer(() => writer.killAll())

  const handler = createCommandHandler({
    store,
    codec,
    clock: systemClock,
    decider: conversationDecider,
    personOf: () => 'ada',
  })
  const gateway = createConversationGateway(handler)
  /** As a client would: the same message again, until it is accepted. */
  const say = async (): Promise<bigint> => {
    const request = {
      ownerId: 'ada',
      clientConversationId: `c${randomInt(CONVERSATIONS)}-${mintId().slice(-8)}`,
      commandId: mintId(),
    }
    const message = { messageId: mintId(), text: `Something ${request.commandId}`, channel: 'rest' } as const
    for (;;) {
      const outcome = await gateway.sendMessage(request, message).catch(() => undefined)
      if (outcome?.kind === 'accepted') return outcome.position
      if (outcome !== undefined) throw new Error(outcome.code)
      await delay(ASK_AGAIN_MS)
    }
  }
  const crash: Record<Victim, () => Promise<void>> = {
    async writer() {
      await writer.killAll()
      writer = await startProgram(writerDirectory.directory, environment)
    },
    async postgres() {
      process.kill(postgres.server.processId, 'SIGKILL')
      await postgres.server.exited
      await postgres.server.restart()
    },
    async store() {
      server.child.kill('SIGKILL')
      await exitOf(server.child)
      server = await startStore(directory, server.port)
    },
  }
  const reached = async () => (await findLiveGeneration(database.queries).catch(() => undefined))?.position ?? -1n

  const all: CrashRound[] = []
  for (let round = 0; round < rounds; round += 1) {
    const victim = victims[round < victims.length ? round : randomInt(victims.length)] ?? 'writer'
    const saying = Promise.all(Array.from({ length: MESSAGES_A_ROUND }, say))
    await delay(randomInt(CRASH_MS_MAX))
    const crashedAt = performance.now()
    const [positions] = await Promise.all([saying, crash[victim]()])
    const last = positions.sort((a, b) => (a < b ? -1 : 1)).at(-1) ?? 0n
    while ((await reached()) < last) {
      if (performance.now() - crashedAt > RECOVER_MS_MAX) throw new Error(`not recovered from a crash of the ${victim}`)
      await delay(ASK_AGAIN_MS)
    }
    const recoveredMs = Math.round(performance.now() - crashedAt)
    const clean = await postgres.open({ connectionsMax: 2 })
    await handleBatches(clean, [await everything(store)])
    const differing = differingModels(await digest(database), await digest(clean))
    await clean.close()
    const result = { victim, messages: positions.length, recoveredMs, differing }
    all.push(result)
    onRound(result)
  }
  return all
}

async function everything(store: ReturnType<typeof openEventStoreDb>) {
  const ending = new AbortController()
  const events = []
  const subscription = { after: 'start', streamPrefixes: ['conversation-'], signal: ending.signal } as const
  for await (const delivery of store.subscribeToAll(subscription)) {
    if (delivery.kind === 'event') events.push(delivery.event)
    if (delivery.kind === 'caught-up') break
  }
  ending.abort()
  return events
}

interface StoreProcess {
  readonly child: ChildProcess
  readonly url: string
  readonly port: number
}

async function startStore(directory: string, port: number): Promise<StoreProcess> {
  const child = runEmberlog(['eventstore', '--port', String(port)], directory)
  child.stderr?.resume()
  const url = await new Promise<string>((resolve, reject) => {
    let output = ''
    child.stdout?.on('data', (chunk) => {
      output += String(chunk)
      const found = /^eventstore listening on (\S+)\n/m.exec(output)?.[1]
      if (found !== undefined) resolve(found)
    })
    void exitOf(child).then((code) => reject(new Error(`the store ended with ${code}`)))
  })
  return { child, url, port: Number(new URL(url.replace(/^\w+:/, 'http:')).port) }
}

const exitOf = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once('exit', resolve))

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  await exitOf(child)
}
