/** A whole Emberlog without its doors: a real store on disk, a real Postgres, a vault, a projector, and what erases people and old text. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'vitest'
import { createCommandHandler } from '../../src/commands/command-handler.ts'
import { conversationDecider, ownerOf } from '../../src/commands/conversation-decider.ts'
import { createConversationGateway } from '../../src/commands/conversation-handler.ts'
import { startEmbeddedEventStore } from '../../src/embedded/eventstore/start-embedded.ts'
import { startEmbeddedPostgres } from '../../src/embedded/postgres/embedded-postgres.ts'
import { createCodec } from '../../src/events/codec.ts'
import { conversationIdOf, conversationStream, responseMessageIdOf, turnIdOf } from '../../src/events/stream-names.ts'
import { upcasterSteps } from '../../src/events/upcasters.ts'
import { createBelongings } from '../../src/main/belongings.ts'
import { createPrivacy } from '../../src/main/privacy.ts'
import { createSessionMarks } from '../../src/main/session-marks.ts'
import { createConversationQueries } from '../../src/projections/conversation-queries.ts'
import { openDatabase } from '../../src/projections/database.ts'
import { createProjectionWriter } from '../../src/projections/projection-writer.ts'
import { createDraftLog } from '../../src/reactors/draft-log.ts'
import { isRefusal } from '../../src/shared/failures.ts'
import type { Position } from '../../src/shared/ids.ts'
import type { Logger } from '../../src/shared/logger.ts'
import { openEventStoreDb } from '../../src/store/eventstoredb-store.ts'
import { createLocalKeyWrapping } from '../../src/vault/key-wrapping.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { routed } from '../support/examples.ts'

export type People = Awaited<ReturnType<typeof openPeople>>
export type PeopleStage = Awaited<ReturnType<typeof openPeopleStage>>

/** What all of them are told was logged. */
function keptLogger() {
  const logged: string[] = []
  const line = (fields: Record<string, unknown>, message: string) =>
    void logged.push(
      JSON.stringify({ ...fields, message }, (_name, value) => (typeof value === 'bigint' ? String(value) : value)),
    )
  const logger: Logger = { debug: line, info: line, warn: line, error: line }
  return { logged, logger }
}

const DAY_MS = 24 * 60 * 60_000

interface Servers {
  readonly eventStoreUrl: string
  readonly databaseUrl: string
  readonly masterKey: Buffer
  readonly directory: string
  /** How many days before now it is for them. */
  readonly daysAgo?: number
  readonly log?: ReturnType<typeof keptLogger>
}

/** What one process has, without a projector; its clock can be moved. */
export async function openPeople(servers: Servers) {
  const { eventStoreUrl, databaseUrl, masterKey, directory, daysAgo = 0, log = keptLogger() } = servers
  const { logged, logger } = log
  let movedMs = -daysAgo * DAY_MS
  const clock = () => new Date(Date.now() + movedMs)
  const store = openEventStoreDb({ connectionString: eventStoreUrl, logger })
  const database = await openDatabase({
    ...{ connectionString: databaseUrl, connectionsMax: 6, applicationName: 'people', logger },
  })
  const vault = await openVault({ database, masterKeys: [createLocalKeyWrapping(masterKey)], clock })
  const codec = createCodec({ sealer: vault.sealer, steps: upcasterSteps })
  const parts = { store, codec, clock }
  const conversations = createCommandHandler({ ...parts, decider: conversationDecider, personOf: ownerOf })
  const sessions = createSessionMarks({ ...parts, logger })
  const belongings = createBelongings({ ...parts, database })
  const queries = createConversationQueries({ database, logger })
  const newPrivacy = (forgetText = () => {}) =>
    createPrivacy({
      ...{ ...parts, logger, database, vault, conversations, dataDirectory: directory },
      endSessions: (ownerId, begunBefore) => sessions.marks.end({ kind: 'person', ownerId, begunBefore }),
      forgetText,
    })
  const gateway = createConversationGateway(conversations)
  const drafts = createDraftLog(parts)

  return {
    ...{ directory, logged, logger, store, database, vault, codec, queries, gateway, belongings },
    ...{ conversations, connectionString: databaseUrl, drafts, newPrivacy, privacy: newPrivacy() },

    /** Waits until the read models show what stands at this position. */
    async projected(position: Position): Promise<void> {
      expect(await queries.waitFor({ position, waitMsMax: 60_000 })).toMatchObject({ isReached: true })
    },

    /** For all that is done from here on. */
    passDays(days: number): void {
      movedMs += days * DAY_MS
    },
    daysPassed: () => movedMs / DAY_MS,

    /** One answered turn of a person, everything in it marked with the secret. */
    async talk(
      person: string,
      secret: string,
      { conversation = `chat-of-${person}`, isFactNoted = true } = {},
    ): Promise<Position> {
      const request = { ownerId: person, clientConversationId: conversation }
      const conversationId = conversationIdOf(person, conversation)
      const stream = conversationStream(conversationId)
      const turnId = turnIdOf(conversationId, 'm1')
      const by = { actor: { kind: 'agent', id: 'responder' } as const, correlationId: turnId, causationId: turnId }
      await gateway.start(request, { title: `Title ${secret}` })
      await gateway.sendMessage(request, { messageId: 'm1', text: `I say ${secret}`, channel: 'rest' })
      const { data } = routed('m1', { turnId }) as { data: object }
      await conversations.handle(stream, { type: 'RouteIntent', data: { ...data, turnId } } as never, {
        commandId: `route:${turnId}`,
        ...by,
      })
      const address = { turnId, conversationId, ownerId: person, correlationId: turnId, causationId: turnId }
      await drafts.append(address, {
        firstDelta: 1,
        deltas: [`You said ${secret}`],
        expected: 'no-stream',
        writerId: 'w',
      })
      const responseId = responseMessageIdOf(turnId)
      await conversations.handle(
        stream,
        {
          type: 'CompleteResponse',
          data: {
            ...{ turnId, messageId: responseId, parentMessageId: 'm1', text: `You said ${secret}`, agent: 'learning' },
            ...{ model: { provider: 'offline', id: 'test' }, finishReason: 'stop', toolCalls: [], citations: [] },
            ...{ attachments: [], usage: { inputTokens: 1, outputTokens: 1 }, firstTokenMs: 1, totalMs: 1 },
          },
        } as never,
        { commandId: `complete:${turnId}`, ...by },
      )
      const rated = await gateway.rate(request, { messageId: responseId, rating: 'up', note: `Note ${secret}` })
      if (isRefusal(rated)) throw new Error(rated.code)
      if (!isFactNoted) return rated.position
      const source = { ownerId: person, conversationId, turnId, agent: 'profile' }
      const span = { from: 0, to: 5 }
      const noted = await belongings.userGateway.noteFact(source, { kind: 'interest', value: secret, span })
      if (isRefusal(noted)) throw new Error(noted.code)
      return noted.position
    },

    async close() {
      await store.close()
      await database.close()
    },
  }
}

export async function openPeopleStage() {
  const directory = await mkdtemp(path.join(tmpdir(), 'emberlog-people-'))
  const log = keptLogger()
  const { logger } = log
  const eventStore = await startEmbeddedEventStore({ dataDirectory: path.join(directory, 'eventstore') })
  const postgres = await startEmbeddedPostgres({ dataDirectory: directory, maxConnections: 100, logger })
  const servers = {
    eventStoreUrl: eventStore.connectionString,
    databaseUrl: postgres.connectionString,
    masterKey: randomBytes(32),
  }
  const people = await openPeople({ ...servers, directory, log })
  const { database, store, codec } = people
  const writer = createProjectionWriter({ database, reader: store, codec, logger })
  writer.start()
  return {
    ...people,
    ...{ writer, eventStore, postgres },

    /** What another process has: the same servers, nothing in memory. */
    another: () => openPeople({ ...servers, directory, daysAgo: -people.daysPassed() }),

    async close() {
      await writer.stop()
      await people.close()
      await Promise.all([eventStore.stop(), postgres.stop()])
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
