/** What sealing costs: turns recorded and read models rebuilt, with text sealed and with text as it is, in turn. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCommandHandler } from '../src/commands/command-handler.ts'
import { conversationDecider, ownerOf } from '../src/commands/conversation-decider.ts'
import { type ConversationCommandHandler, createConversationGateway } from '../src/commands/conversation-handler.ts'
import { startEmbeddedEventStore } from '../src/embedded/eventstore/start-embedded.ts'
import { startEmbeddedPostgres } from '../src/embedded/postgres/embedded-postgres.ts'
import { type Codec, createCodec } from '../src/events/codec.ts'
import type { DataOf } from '../src/events/conversation-events.ts'
import { openSealer } from '../src/events/sealing.ts'
import { conversationIdOf, conversationStream, responseMessageIdOf, turnIdOf } from '../src/events/stream-names.ts'
import { upcasterSteps } from '../src/events/upcasters.ts'
import { type Database, openDatabase } from '../src/projections/database.ts'
import { rebuildProjections } from '../src/projections/rebuild.ts'
import { systemClock } from '../src/shared/clock.ts'
import { silentLogger } from '../src/shared/logger.ts'
import type { EventStore } from '../src/store/event-store.ts'
import { openEventStoreDb } from '../src/store/eventstoredb-store.ts'
import { createLocalKeyWrapping } from '../src/vault/key-wrapping.ts'
import { openVault } from '../src/vault/open-vault.ts'
import { type Bench, type BenchResult, figureOf, interleaved, type Row, ratioTo } from './measurement.ts'
import { conversations } from './projections-load.ts'

export const bench: Bench = { name: 'sealing', run }

const EVENTS = 60_000
const EVENTS_QUICK = 10_000
const TURNS = 3_000
const TURNS_QUICK = 600
const TURNS_PER_CONVERSATION = 5
const CONVERSATIONS_AT_ONCE = 48
const APPENDS_AT_ONCE = 48
/** Sealing may take so much of the rate without it. */
const TURNS_LEFT_MIN = 0.85
const REBUILD_LEFT_MIN = 0.75

interface Side {
  readonly name: string
  readonly store: EventStore
  readonly database: Database
  readonly codec: Codec
  readonly forget: () => void
}

async function run({ isQuick }: { isQuick: boolean }): Promise<BenchResult> {
  const repetitions = isQuick ? 1 : 5
  const turns = isQuick ? TURNS_QUICK : TURNS
  await using opened = new AsyncDisposableStack()
  const sealed = await openSide('sealed', opened)
  const plain = await openSide('plain', opened)
  const events = await fill(sealed, isQuick ? EVENTS_QUICK : EVENTS)
  await fill(plain, isQuick ? EVENTS_QUICK : EVENTS)
  for (const side of [sealed, plain]) await rebuild(side, events) // Once before the clock runs.
  const samples = await interleaved(repetitions, {
    plainTurns: () => recordTurns(plain, turns),
    sealedTurns: () => recordTurns(sealed, turns),
    plainRebuild: () => rebuild(plain, events),
    sealedRebuild: () => rebuild(sealed, events),
  })
  return {
    title: `Sealing, ${turns} turns and ${events.toLocaleString('en')} events`,
    repetitions,
    rows: rowsOf(samples),
    notes: [
      `a turn: message, routing, answer, each an append; ${TURNS_PER_CONVERSATION} turns a conversation, ${CONVERSATIONS_AT_ONCE} at once`,
      'rebuild: no key is in memory when it begins; with every turn recorded meanwhile, in both records',
    ],
  }
}

function rowsOf(samples: Record<'plainTurns' | 'sealedTurns' | 'plainRebuild' | 'sealedRebuild', number[]>): Row[] {
  const turns = { plain: figureOf(samples.plainTurns), sealed: figureOf(samples.sealedTurns) }
  const rebuilds = { plain: figureOf(samples.plainRebuild), sealed: figureOf(samples.sealedRebuild) }
  const left = (figures: typeof turns) => figures.sealed.median / figures.plain.median
  return [
    { what: 'turns recorded, text as it is', unit: 'turns/s', figure: turns.plain },
    {
      what: 'turns recorded, sealed',
      unit: 'turns/s',
      figure: turns.sealed,
      ratio: ratioTo('text as it is', left(turns), { atLeast: TURNS_LEFT_MIN }),
    },
    { what: 'rebuild, text as it is', unit: 'events/s', figure: rebuilds.plain },
    {
      what: 'rebuild, sealed',
      unit: 'events/s',
      figure: rebuilds.sealed,
      ratio: ratioTo('text as it is', left(rebuilds), { atLeast: REBUILD_LEFT_MIN }),
    },
  ]
}

async function openSide(name: string, opened: AsyncDisposableStack): Promise<Side> {
  const directory = await mkdtemp(join(tmpdir(), `emberlog-bench-${name}-`))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const postgres = await startEmbeddedPostgres({ dataDirectory: directory, maxConnections: 30, logger: silentLogger })
  opened.defer(() => postgres.stop())
  const record = await startEmbeddedEventStore({ dataDirectory: join(directory, 'record') })
  opened.defer(() => record.stop())
  const store = openEventStoreDb({ connectionString: record.connectionString, logger: silentLogger })
  opened.defer(store.close)
  const { connectionString } = postgres
  const database = await openDatabase({
    ...{ connectionString, connectionsMax: 8, applicationName: 'bench', logger: silentLogger },
  })
  opened.defer(database.close)
  const vault = await openVault({ database, masterKeys: [createLocalKeyWrapping(randomBytes(32))] })
  const sealer = name === 'sealed' ? vault.sealer : openSealer
  return { name, store, database, codec: createCodec({ sealer, steps: upcasterSteps }), forget: sealer.forgetKeys }
}

/** Appends about so many events; returns how many there are. */
async function fill({ store, codec }: Side, eventsMin: number): Promise<number> {
  let count = 0
  const source = conversations(eventsMin)
  const appending = async () => {
    for (const { stream, events } of source) {
      const person = events[0]?.type === 'ConversationStarted' ? events[0].data.ownerId : undefined
      const envelope = {
        ...{ schemaVersion: 1, occurredAt: '2026-01-01T00:00:00.000Z', actor: { kind: 'user', id: 'bench' } as const },
        ...{ $correlationId: stream, $causationId: stream, commandId: stream },
      }
      const encoded = await Promise.all(
        events.map((event, index) => codec.encode(stream, event, envelope, { index, person })),
      )
      count += encoded.length
      for (let from = 0; from < encoded.length; from += 200)
        await store.append(stream, encoded.slice(from, from + 200), 'any')
    }
  }
  await Promise.all(Array.from({ length: APPENDS_AT_ONCE }, appending))
  return count
}

/** Events per second; every key is looked up anew. */
async function rebuild({ database, store, codec, forget }: Side, events: number): Promise<number> {
  forget()
  const startedAt = performance.now()
  const result = await rebuildProjections({ database, reader: store, codec, logger: silentLogger, isForced: true })
  return Math.max(events, result.events) / ((performance.now() - startedAt) / 1_000)
}

let runs = 0

/** Turns per second, in new conversations. */
async function recordTurns({ store, codec }: Side, turns: number): Promise<number> {
  runs += 1
  const handler = createCommandHandler({
    ...{ store, codec, clock: systemClock, decider: conversationDecider, personOf: ownerOf },
  })
  const gateway = createConversationGateway(handler)
  let next = 0
  const startedAt = performance.now()
  const holding = async () => {
    for (;;) {
      const number = next
      next += 1
      if (number >= turns / TURNS_PER_CONVERSATION) return
      for (let turn = 0; turn < TURNS_PER_CONVERSATION; turn += 1) {
        await holdTurn({ handler, gateway }, `person-${number % 1_000}`, `run-${runs}-${number}`, `m${turn}`)
      }
    }
  }
  await Promise.all(Array.from({ length: CONVERSATIONS_AT_ONCE }, holding))
  return turns / ((performance.now() - startedAt) / 1_000)
}

const QUESTION = 'What is retrieval-augmented generation, and when is it better than a larger context?'
const ANSWER =
  'A vector index finds the entries nearest in meaning; the model then reads them before it answers. '.repeat(6)

const ROUTING: Omit<DataOf<'IntentRouted'>, 'turnId'> = {
  intent: 'learning',
  agent: 'learning',
  method: 'model',
  confidence: 0.97,
  candidates: [{ intent: 'learning', probability: 0.97 }],
  evidence: [{ kind: 'feature', name: 'what is', weight: 1.5 }],
  guard: null,
  routerVersion: '1',
  tookMs: 0.4,
  rules: [],
  context: null,
}

async function holdTurn(
  { handler, gateway }: { handler: ConversationCommandHandler; gateway: ReturnType<typeof createConversationGateway> },
  ownerId: string,
  conversation: string,
  messageId: string,
): Promise<void> {
  const conversationId = conversationIdOf(ownerId, conversation)
  const stream = conversationStream(conversationId)
  const turnId = turnIdOf(conversationId, messageId)
  await gateway.sendMessage(
    { ownerId, clientConversationId: conversation },
    { messageId, text: QUESTION, channel: 'rest' },
  )
  const by = { actor: { kind: 'agent', id: 'responder' } as const, correlationId: turnId, causationId: turnId }
  await handler.handle(
    stream,
    { type: 'RouteIntent', data: { ...ROUTING, turnId } },
    { commandId: `route:${turnId}`, ...by },
  )
  await handler.handle(
    stream,
    {
      type: 'CompleteResponse',
      data: {
        ...{ turnId, messageId: responseMessageIdOf(turnId), parentMessageId: messageId, text: ANSWER },
        ...{ agent: 'learning', model: { provider: 'offline', id: 'bench' }, finishReason: 'stop' as const },
        ...{ toolCalls: [], citations: [], attachments: [], usage: { inputTokens: 20, outputTokens: 80 } },
        ...{ firstTokenMs: 3, totalMs: 40 },
      },
    },
    { commandId: `complete:${turnId}`, ...by },
  )
}
