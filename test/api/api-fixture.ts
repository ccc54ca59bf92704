/** The API on a real event store and a real Postgres, with an answerer that tests lead by the hand. */
import { createHmac, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterAll } from 'vitest'
import { WebSocket } from 'ws'
import { type ApiLimits, defaultApiLimits } from '../../src/api/api-limits.ts'
import type { ApiParts, ApiSettings } from '../../src/api/api-parts.ts'
import type { ServerFrame } from '../../src/api/contracts/socket-frames.ts'
import { buildHttpServer } from '../../src/api/http-server.ts'
import { createCommandHandler } from '../../src/commands/command-handler.ts'
import { conversationDecider, ownerOf } from '../../src/commands/conversation-decider.ts'
import type { ConversationGateway } from '../../src/commands/conversation-gateway.ts'
import { createConversationGateway } from '../../src/commands/conversation-handler.ts'
import { startEmbeddedEventStore } from '../../src/embedded/eventstore/start-embedded.ts'
import { createCodec, type StoredEvent } from '../../src/events/codec.ts'
import { conversationIdOf, conversationStream, responseMessageIdOf } from '../../src/events/stream-names.ts'
import { auditParts } from '../../src/main/audit-parts.ts'
import { createBelongings } from '../../src/main/belongings.ts'
import { createPrivacy } from '../../src/main/privacy.ts'
import { createSessionMarks } from '../../src/main/session-marks.ts'
import { createAnalyticsQueries } from '../../src/projections/analytics/analytics-queries.ts'
import { createConversationQueries } from '../../src/projections/conversation-queries.ts'
import { listGenerations } from '../../src/projections/generations.ts'
import { createMessageSearch } from '../../src/projections/message-search.ts'
import { listParkedStreams } from '../../src/projections/parked-events.ts'
import { createProjectionWriter } from '../../src/projections/projection-writer.ts'
import type { ConversationQueries } from '../../src/projections/query-types.ts'
import { createDraftFeed } from '../../src/reactors/draft-feed.ts'
import { createDraftLog } from '../../src/reactors/draft-log.ts'
import { createLiveAnswers, type LiveAnswers } from '../../src/reactors/live-answers.ts'
import { readEnding } from '../../src/reactors/recorded-facts.ts'
import { agentFor } from '../../src/routing/intents.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { openEventStoreDb } from '../../src/store/eventstoredb-store.ts'
import { createLocalKeyWrapping } from '../../src/vault/key-wrapping.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { startTestPostgres, type TestPostgres } from '../projections/support/test-postgres.ts'
import { publishText } from '../support/written-text.ts'

export const JWT_SECRET = 'a secret of the tests, long enough to sign'
export const NODES_KEY = new Uint8Array(32).fill(7)

export interface Answer {
  readonly status: number
  readonly headers: Record<string, string | undefined>
  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked at by tests, field by field
  readonly body: any
}

export interface Person {
  readonly userId: string
  readonly token: string
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Answer>
  readonly send: (
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer>
  readonly connectionToken: () => Promise<string>
  /** Opens a socket and waits for `connected`. */
  readonly open: (conversation: string) => Promise<ChatSocket>
}

export interface ChatSocket {
  readonly frames: readonly ServerFrame[]
  readonly raw: WebSocket
  readonly closed: Promise<number>
  readonly write: (frame: unknown) => void
  /** The first frame of a type, past or future, that fits. */
  readonly frame: <Type extends ServerFrame['type']>(
    type: Type,
    fits?: (frame: Extract<ServerFrame, { type: Type }>) => boolean,
  ) => Promise<Extract<ServerFrame, { type: Type }>>
  /** Everything sent before now has been handled by the server, and its answers are here. */
  readonly settled: () => Promise<void>
  readonly say: (text: string, messageId?: string) => Promise<{ messageId: string; turnId: string }>
}

export interface ApiFixture {
  readonly app: FastifyInstance
  readonly url: string
  readonly live: LiveAnswers
  readonly queries: ConversationQueries
  /** What tools write and read for people. */
  readonly owned: ReturnType<typeof createBelongings>
  readonly inject: (
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string> },
  ) => Promise<Answer>
  readonly signIn: (userId?: string, roles?: readonly string[]) => Promise<Person>
  /** Opens a socket without waiting for anything. */
  readonly socket: (path: string, options?: { origin?: string; autoPong?: boolean }) => ChatSocket
  /** Records the completed answer of a turn and tells it live, as the responder does. */
  readonly answer: (owner: string, conversation: string, turnId: string, text: string) => Promise<void>
  /** Asks the database, as an analyst with a connection of their own would. */
  readonly rows: <Row extends object>(statement: string) => Promise<Row[]>
  readonly recorded: (owner: string, conversation: string) => Promise<readonly StoredEvent[]>
  readonly recordedTypes: (owner: string, conversation: string) => Promise<readonly string[]>
  readonly close: () => Promise<void>
}

export interface ApiFixtureOptions {
  /** The connection string of a record that several nodes share; left out, it has one of its own. */
  readonly record?: string
  readonly limits?: Partial<ApiLimits>
  /** Where a ledger is kept; left out, there is none. */
  readonly ledgerDirectory?: string
  readonly parts?: Partial<ApiParts>
  readonly settings?: Partial<ApiSettings>
  readonly wrapGateway?: (gateway: ConversationGateway, live: LiveAnswers) => ConversationGateway
  readonly wrapQueries?: (queries: ConversationQueries) => ConversationQueries
}

let postgres: Promise<TestPostgres> | undefined
afterAll(async () => (await postgres)?.stop())

export async function startApi(options: ApiFixtureOptions = {}): Promise<ApiFixture> {
  const eventStore = options.record ? undefined : await startEmbeddedEventStore({ inMemory: true })
  const connectionString = options.record ?? eventStore?.connectionString ?? ''
  const store = openEventStoreDb({ connectionString, logger: silentLogger })
  const codec = createCodec()
  const handler = createCommandHandler({
    store,
    codec,
    clock: systemClock,
    decider: conversationDecider,
    personOf: ownerOf,
  })
  const gateway = createConversationGateway(handler)
  const live = createLiveAnswers()
  const drafts = createDraftFeed({
    ...{ live, load: handler.load, logger: silentLogger, isWritingHere: () => true },
    drafts: createDraftLog({ store, codec, clock: systemClock }),
    readEnding: (stream, turnId) => readEnding(store, codec, stream, turnId),
  })
  postgres ??= startTestPostgres()
  const database = await (await postgres).open()
  const queries = createConversationQueries({ database, logger: silentLogger })
  const owned = createBelongings({ store, codec, clock: systemClock, database })
  async function recorded(owner: string, conversation: string): Promise<StoredEvent[]> {
    const events: StoredEvent[] = []
    for await (const event of store.readStream(conversationStream(conversationIdOf(owner, conversation)))) {
      events.push(event)
    }
    return events
  }
  const writer = createProjectionWriter({ database, reader: store, codec, logger: silentLogger })
  writer.start()
  const sessions = createSessionMarks({ store, codec, clock: systemClock, logger: silentLogger })
  const ending = new AbortController()
  const following = sessions.follow(ending.signal)
  const app = buildHttpServer({
    gateway: options.wrapGateway?.(gateway, live) ?? gateway,
    userGateway: owned.userGateway,
    belongings: owned.belongings,
    attachments: owned.attachments,
    queries: options.wrapQueries?.(queries) ?? queries,
    search: createMessageSearch({ database }).search,
    analytics: createAnalyticsQueries({ database }),
    sessionMarks: sessions.marks,
    privacy: createPrivacy({
      ...{ store, codec, clock: systemClock, logger: silentLogger, database, conversations: handler },
      vault: await openVault({ database, masterKeys: [createLocalKeyWrapping(Buffer.alloc(32, 7))] }),
      endSessions: (ownerId, begunBefore) => sessions.marks.end({ kind: 'person', ownerId, begunBefore }),
      forgetText: live.forgetEnded,
      dataDirectory: '/nonexistent',
    }),
    live: { ...live, attend: drafts.attend, recall: drafts.recall },
    previewRouting: ({ text, override }) => ({
      ...{ intent: override ?? 'learning', agent: agentFor(override ?? 'learning'), confidence: 0.9, guard: 'clear' },
      method: override === undefined ? 'model' : 'override',
      ...{ candidates: [{ intent: 'learning', probability: 0.9 }], routerVersion: '1' },
      evidence: [{ kind: 'feature', name: text.slice(0, 10), weight: 1 }],
      context: { messages: 0, agent: null, agentProbability: 1, isAsked: false },
    }),
    operations: async () => ({
      generations: await listGenerations(database.queries),
      parked: await listParkedStreams(database),
      connections: database.metrics(),
    }),
    ...auditParts({ store, codec, database, ledgerDirectory: options.ledgerDirectory ?? '/nonexistent' }),
    readiness: () => [{ name: 'event store', isReady: true, detail: 'connected' }],
    clock: systemClock,
    logger: silentLogger,
    settings: {
      auth: { mode: 'development', jwtSecret: JWT_SECRET },
      nodesKey: NODES_KEY,
      allowedOrigins: ['https://chat.example.org'],
      isBehindProxy: false,
      limits: { ...defaultApiLimits, newSocketsPerPersonPerMinuteMax: 1_000, closeGraceMs: 1_000, ...options.limits },
      ...options.settings,
    },
    ...options.parts,
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const sockets = new Set<WebSocket>()
  // As clients do, people here hand the last position they know to their next query.
  let latest = 0n
  const note = (position: unknown) => {
    if (typeof position === 'string' && BigInt(position) > latest) latest = BigInt(position)
  }

  const fixture: ApiFixture = {
    owned,
    app,
    url: `http://127.0.0.1:${port}`,
    live,
    queries,
    async inject(method, path, { body, headers = {} } = {}) {
      const isText = typeof body === 'string' || body instanceof Buffer
      const answer = await app.inject({
        method: method as 'GET',
        url: path,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { payload: isText ? body : JSON.stringify(body) }),
      })
      note(answer.headers['x-position'])
      const isJson = String(answer.headers['content-type']).includes('json') && answer.body !== ''
      return {
        status: answer.statusCode,
        headers: answer.headers as Record<string, string | undefined>,
        body: isJson ? JSON.parse(answer.body) : answer.body,
      }
    },
    async signIn(userId = `person-${randomUUID()}`, roles) {
      const login = await fixture.inject('POST', '/api/v1/auth/dev-login', {
        body: roles ? { userId, roles } : { userId },
      })
      const token: string = login.body.accessToken
      const authorization = { authorization: `Bearer ${token}` }
      const connectionToken = async (): Promise<string> =>
        (await fixture.inject('POST', '/api/v1/auth/ws-connection-token', { headers: authorization })).body
          .connectionToken
      return {
        userId,
        token,
        get: (path, headers) =>
          fixture.inject('GET', `/api/v1${path}`, {
            headers: { ...authorization, 'x-min-position': String(latest), ...headers },
          }),
        send: (method, path, body, headers) =>
          fixture.inject(method, `/api/v1${path}`, { body, headers: { ...authorization, ...headers } }),
        connectionToken,
        async open(conversation) {
          const socket = fixture.socket(`/ws/chat/${conversation}?token=${await connectionToken()}`)
          await socket.frame('connected')
          return socket
        },
      }
    },
    socket(path, { origin, autoPong = true } = {}) {
      const raw = new WebSocket(`${fixture.url.replace('http', 'ws')}${path}`, {
        autoPong,
        ...(origin ? { origin } : {}),
      })
      sockets.add(raw)
      return chatSocketOf(raw, note)
    },
    async answer(owner, conversation, turnId, text) {
      const conversationId = conversationIdOf(owner, conversation)
      const { messageId } = (await handler.load(conversationStream(conversationId))).turns.get(turnId) ?? {
        messageId: '',
      }
      const routing = { turnId, intent: 'learning', agent: 'learning', method: 'model', confidence: 0.9 } as const
      const evidence = {
        ...{ candidates: [{ intent: 'learning' as const, probability: 0.9 }], rules: [], evidence: [] },
        ...{ context: null, guard: null },
      }
      const context = {
        commandId: randomUUID(),
        actor: { kind: 'agent', id: 'learning' },
        correlationId: turnId,
        causationId: turnId,
      } as const
      await handler.handle(
        conversationStream(conversationId),
        { type: 'RouteIntent', data: { ...routing, ...evidence, routerVersion: '1', tookMs: 1 } },
        context,
      )
      live.publish(conversationId, { type: 'intent.routed', ...routing })
      for (let end = 1; end <= text.length; end += 1) {
        publishText(live, conversationId, turnId, text.slice(0, end))
      }
      const completed = {
        ...{ turnId, messageId: responseMessageIdOf(turnId), text, agent: 'learning', finishReason: 'stop' as const },
        ...{ model: { provider: 'test', id: 'test' }, usage: { inputTokens: 1, outputTokens: 1 } },
      }
      const rest = {
        parentMessageId: messageId,
        toolCalls: [],
        citations: [],
        attachments: [],
        firstTokenMs: 1,
        totalMs: 1,
      }
      const outcome = await handler.handle(
        conversationStream(conversationId),
        { type: 'CompleteResponse', data: { ...completed, ...rest } },
        { ...context, commandId: randomUUID() },
      )
      if (outcome.kind === 'refusal') throw new Error(outcome.code)
      note(String(outcome.position))
      live.publish(conversationId, { type: 'response.completed', ...completed, position: String(outcome.position) })
    },
    rows: (statement) => database.queries.query(statement),
    recorded,
    recordedTypes: async (owner, conversation) => (await recorded(owner, conversation)).map(({ type }) => type),
    async close() {
      for (const socket of sockets) socket.terminate()
      await app.close()
      ending.abort()
      await following
      await writer.stop()
      await database.close()
      await store.close()
      await eventStore?.stop()
    },
  }
  return fixture
}

/** A wait for a frame that takes longer fails the test. */
const FRAME_MS_MAX = 10_000

function chatSocketOf(raw: WebSocket, note: (position: unknown) => void): ChatSocket {
  const frames: ServerFrame[] = []
  const looking = new Set<() => void>()
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<number>()
  raw.on('message', (data) => {
    const frame: ServerFrame = JSON.parse(String(data))
    if ('position' in frame) note(frame.position)
    frames.push(frame)
    for (const look of [...looking]) look()
  })
  raw.on('close', (code) => onClosed(code))
  raw.on('error', () => {})
  const frame = <Type extends ServerFrame['type']>(
    type: Type,
    fits: (frame: Extract<ServerFrame, { type: Type }>) => boolean = () => true,
  ): Promise<Extract<ServerFrame, { type: Type }>> => {
    type Wanted = Extract<ServerFrame, { type: Type }>
    const find = () => frames.find((one): one is Wanted => one.type === type && fits(one as Wanted))
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        looking.delete(look)
        clearTimeout(timer)
        reject(new Error(`${why} while waiting for ${type}; frames: ${JSON.stringify(frames)}`))
      }
      const look = () => {
        const found = find()
        if (found === undefined) return
        looking.delete(look)
        clearTimeout(timer)
        resolve(found)
      }
      const timer = setTimeout(() => fail('no such frame in time'), FRAME_MS_MAX)
      looking.add(look)
      look()
      void closed.then((code) => looking.has(look) && fail(`closed with ${code}`))
    })
  }
  let pings = 0
  return {
    frames,
    raw,
    closed,
    frame,
    write: (value) => raw.send(typeof value === 'string' || value instanceof Buffer ? value : JSON.stringify(value)),
    async settled() {
      // Commands are answered in order, and an unknown turn is always answered.
      pings += 1
      const turnId = `00000000-0000-5000-8000-${String(pings).padStart(12, '0')}`
      raw.send(JSON.stringify({ type: 'response.stop', turnId }))
      await frame('error', (one) => one.turnId === turnId)
    },
    async say(text, messageId = randomUUID()) {
      raw.send(JSON.stringify({ type: 'message.send', messageId, text }))
      const { turnId } = await frame('message.accepted', (one) => one.messageId === messageId)
      return { messageId, turnId }
    },
  }
}

/** Signs claims as the server's development mode does, or wrongly on purpose. */
export function forgeToken(
  claims: Record<string, unknown>,
  secret = JWT_SECRET,
  header: Record<string, unknown> = { alg: 'HS256' },
): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const unsigned = `${part(header)}.${part(claims)}`
  return `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`
}
