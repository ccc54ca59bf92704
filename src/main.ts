/** The composition root: builds every adapter from the configuration, starts the roles, and stops them in order. */
import type { AddressInfo } from 'node:net'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { agentFor } from './agents/agent-catalogue.ts'
import { loadKnowledgeBase } from './agents/knowledge-base.ts'
import { createOfflineAssistant } from './agents/offline-assistant.ts'
import { buildHttpServer } from './api/http-server.ts'
import { createCommandHandler } from './commands/command-handler.ts'
import { conversationDecider, ownerOf } from './commands/conversation-decider.ts'
import { ageTransientStreams, createConversationGateway } from './commands/conversation-handler.ts'
import { createActRecorder } from './commands/operator-acts-handler.ts'
import type { Config, Role } from './config.ts'
import { createCodec } from './events/codec.ts'
import { upcasterSteps } from './events/upcasters.ts'
import { apiSettings } from './main/api-settings.ts'
import { auditParts } from './main/audit-parts.ts'
import { createBelongings } from './main/belongings.ts'
import { comparisonReadiness, createComparisonRole } from './main/comparison-role.ts'
import { openDataDirectory } from './main/data-directory.ts'
import { ledgerRoot } from './main/ledger-parts.ts'
import { createLedgerRole, ledgerReadiness } from './main/ledger-role.ts'
import { findMasterKeys } from './main/master-keys.ts'
import { buildModels } from './main/models.ts'
import { createPrivacy } from './main/privacy.ts'
import { analystReadiness, projectorReadiness, recordReadiness } from './main/readiness.ts'
import { startServers } from './main/server-processes.ts'
import { createSessionMarks } from './main/session-marks.ts'
import { createPlatformTools } from './main/tool-adapters.ts'
import { startTracing } from './main/tracing.ts'
import { createAnalyticsQueries } from './projections/analytics/analytics-queries.ts'
import { createConversationQueries } from './projections/conversation-queries.ts'
import { openDatabase } from './projections/database.ts'
import { listGenerations } from './projections/generations.ts'
import { createMessageSearch } from './projections/message-search.ts'
import { listParkedStreams } from './projections/parked-events.ts'
import { createProjectionWriter } from './projections/projection-writer.ts'
import { addReadSideMetrics } from './projections/read-side-metrics.ts'
import { withAnswerStops } from './reactors/answer-stops.ts'
import { followConversations, type StopRequest } from './reactors/conversation-feed.ts'
import { createDraftFeed } from './reactors/draft-feed.ts'
import { createDraftLog } from './reactors/draft-log.ts'
import { followErasures } from './reactors/erasure-feed.ts'
import { createLiveAnswers } from './reactors/live-answers.ts'
import { readEnding } from './reactors/recorded-facts.ts'
import { createResponder } from './reactors/responder.ts'
import { createRouter } from './routing/router.ts'
import { loadRouterModel } from './routing/router-weights.ts'
import { systemClock } from './shared/clock.ts'
import { Fault } from './shared/failures.ts'
import type { Uuid } from './shared/ids.ts'
import type { Logger } from './shared/logger.ts'
import { within } from './shared/waiting.ts'
import { openEventStoreDb } from './store/eventstoredb-store.ts'
import { openVault } from './vault/open-vault.ts'

/** Each part has this long to stop; together they stay below what the command allows. */
const PART_STOP_MS_MAX = 8_000

export interface Emberlog {
  /** Where it serves; empty when this process has no `api` role. */
  readonly url: string
  readonly eventStoreUrl: string
  readonly databaseUrl: string
  /** Resolves with the reason when it cannot go on: a store that died, a Postgres that does not come back. */
  readonly failed: Promise<Fault>
  /** Stops everything in order, each part within its own limit. Asking twice is fine. */
  readonly stop: () => Promise<void>
}

/** Starts everything the configuration asks for; on failure nothing stays behind, and the error says what to do. */
export async function startEmberlog(config: Config, { logger }: { readonly logger: Logger }): Promise<Emberlog> {
  await using started = new AsyncDisposableStack()
  /** What has been started is stopped in the opposite order; a part that does not come to its end is left behind, visibly. */
  const stopLater = (part: string, stop: () => Promise<unknown>, moreMs = 0) => {
    started.defer(async () => {
      logger.debug({ part }, 'stopping')
      const waitedMs = PART_STOP_MS_MAX + moreMs
      const isLate = () => new Fault('stop-too-late', { part, waitedMs })
      await within(waitedMs, stop(), isLate).catch((error) =>
        logger.error({ part, error: String(error) }, 'not stopped'),
      )
      logger.debug({ part }, 'stopped')
    })
  }
  await openDataDirectory(config.dataDirectory)
  const masterKeys = await findMasterKeys(config)
  const starting = startServers(config, logger)
  stopLater('servers', () =>
    starting.then(
      ({ stop }) => stop(),
      () => {},
    ),
  )
  // Read while the servers start: it takes this thread about as long as they take theirs.
  const router = createRouter(loadRouterModel(new URL('./routing/router-weights.json', import.meta.url)))
  const offline = createOfflineAssistant(loadKnowledgeBase(), { deltaDelayMs: config.LLM_DELTA_DELAY_MS })
  const servers = await starting

  const tracing = await startTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT)
  stopLater('tracing', tracing.stop)
  const store = tracing.store(openEventStoreDb({ connectionString: servers.eventStoreUrl, logger }))
  stopLater('record', store.close)
  let isRecordReachable = true
  // A record that cannot be reached is no start. What is recorded from here on is heard, though the feed begins later.
  const startPosition = await store.lastPosition()
  const has = (role: Role) => config.EMBERLOG_ROLES.includes(role)
  const answering = new AbortController()
  const following = new AbortController()

  const compareEveryMs = has('projector') ? config.EMBERLOG_COMPARE_EVERY : undefined
  const database = await openDatabase({
    connectionString: servers.databaseUrl,
    connectionsMax: config.DATABASE_CONNECTIONS_MAX,
    applicationName: 'emberlog',
    isComparing: compareEveryMs !== undefined,
    partitions: config.EMBERLOG_PARTITIONS,
    logger,
  })
  stopLater('database', database.close)
  const vault = await openVault({ database, masterKeys })
  const codec = createCodec({ sealer: vault.sealer, steps: upcasterSteps })
  const queries = createConversationQueries({ database, logger })
  const recordAct = createActRecorder({ store, codec, clock: systemClock })
  const writer = has('projector')
    ? createProjectionWriter({ database, reader: store, codec, logger, recordAct })
    : undefined
  if (writer !== undefined) stopLater('projection writer', writer.stop)
  writer?.start()
  const metrics = new Registry()
  collectDefaultMetrics({ register: metrics })
  addReadSideMetrics({ registry: metrics, database, ...(writer && { writer }) })
  const { model, images, close: closeModels } = await buildModels(config, offline, { registry: metrics, logger })
  stopLater('models', closeModels)

  const handler = tracing.handler(
    createCommandHandler({
      store,
      codec,
      clock: systemClock,
      decider: conversationDecider,
      personOf: ownerOf,
      beforeFirstAppend: ageTransientStreams(store, config.EMBERLOG_TRANSIENT_MAX_AGE_S),
    }),
  )
  const owned = createBelongings({ store, codec, clock: systemClock, database })
  const live = createLiveAnswers()
  const drafts = createDraftLog({ store, codec, clock: systemClock })
  const responder = createResponder({
    queue: store,
    reader: store,
    codec,
    handler,
    route: router.route,
    agentFor,
    model: tracing.model(model),
    tools: createPlatformTools(owned, images),
    live,
    drafts,
    settings: {
      interruptedTurns: config.EMBERLOG_INTERRUPTED_TURNS,
      draftIntervalMs: config.EMBERLOG_DRAFT_INTERVAL_MS,
      answersMax: config.EMBERLOG_ANSWERS_MAX,
      drainMs: config.EMBERLOG_DRAIN_MS,
    },
    onLeft: (conversationId, turnId) => draftFeed.onLeft(conversationId, turnId),
    elapsedMs: () => performance.now(),
    logger,
  })
  const draftFeed = createDraftFeed({
    live,
    drafts,
    load: handler.load,
    readEnding: (stream, turnId) => readEnding(store, codec, stream, turnId),
    isWritingHere: responder.isWriting,
    logger,
  })

  const sessionMarks = createSessionMarks({ store, codec, clock: systemClock, logger })
  const privacy = createPrivacy({
    ...{ store, codec, clock: systemClock, logger, database, vault, conversations: handler },
    endSessions: (ownerId, begunBefore) => sessionMarks.marks.end({ kind: 'person', ownerId, begunBefore }),
    forgetText: live.forgetEnded,
    dataDirectory: config.dataDirectory,
  })

  const { promise: roleFailed, resolve: failRole } = Promise.withResolvers<Fault>()
  const running: Promise<void>[] = []
  const run = (role: string, work: Promise<void>) => {
    running.push(work.catch((cause: unknown) => failRole(new Fault('role-failed', { role }, { cause }))))
  }
  const comparing =
    compareEveryMs === undefined
      ? undefined
      : createComparisonRole({ database, store, codec, everyMs: compareEveryMs, metrics, logger })
  if (comparing !== undefined) run('comparison', comparing.run(following.signal))
  const keeper = has('ledger') ? await createLedgerRole({ config, store, codec, metrics, logger }) : undefined
  const keeping = new AbortController()
  const kept = keeper?.run(keeping.signal).catch((cause: unknown) => {
    failRole(new Fault('role-failed', { role: 'ledger' }, { cause }))
  })
  // Stopped after the reactors, so that what they record last is signed too.
  stopLater('ledger', async () => {
    keeping.abort()
    await kept
  })
  stopLater('feeds', async () => {
    following.abort()
    await Promise.all(running)
  })
  if (has('responder')) {
    const answered = responder.run(answering.signal)
    run('responder', answered)
    stopLater(
      'responder',
      async () => {
        answering.abort()
        await answered
      },
      config.EMBERLOG_DRAIN_MS,
    )
  }
  if (has('api') || has('responder')) {
    const onReachable = (isReachable: boolean) => {
      isRecordReachable = isReachable
    }
    const feed = {
      ...{ reader: store, codec, logger, live: draftFeed, onReachable },
      onEnded: responder.abandon,
      onStopRequested: ({ conversationId, turnId, by }: StopRequest) =>
        void responder.stop(conversationId as Uuid, turnId, by),
    }
    run('conversation feed', followConversations(feed, following.signal, startPosition ?? 'start'))
    const erasures = { reader: store, codec, logger, onErased: live.forgetEnded }
    run('erasure feed', followErasures(erasures, following.signal, startPosition ?? 'start'))
    run('erasures', privacy.erasure.follow(following.signal))
    run('retention', privacy.retention.follow(config.EMBERLOG_RETENTION, following.signal))
  }

  const readiness = () => [
    ...servers.readiness(),
    recordReadiness(isRecordReachable),
    ...(writer === undefined ? [] : [projectorReadiness(writer)]),
    ...(keeper === undefined ? [] : [ledgerReadiness(keeper.status())]),
    ...(comparing === undefined ? [] : [comparisonReadiness(comparing)]),
    ...analystReadiness(database.analystAccess()),
  ]
  const url = has('api') ? await listen() : ''
  const stack = started.move()
  return {
    url,
    eventStoreUrl: servers.eventStoreUrl,
    databaseUrl: servers.databaseUrl,
    failed: Promise.race([servers.failed, roleFailed]),
    stop: () => stack.disposeAsync(),
  }

  async function listen(): Promise<string> {
    const gateway = tracing.gateway(
      withAnswerStops({
        ...{ gateway: createConversationGateway(handler), handler, responder, live, drafts, store, codec },
        clock: systemClock,
      }),
    )
    const settings = await apiSettings(config)
    run('session feed', sessionMarks.follow(following.signal))
    const server = buildHttpServer({
      gateway,
      userGateway: owned.userGateway,
      belongings: owned.belongings,
      attachments: owned.attachments,
      queries,
      search: createMessageSearch({ database }).search,
      analytics: createAnalyticsQueries({ database }),
      live: { ...live, attend: draftFeed.attend, recall: draftFeed.recall },
      sessionMarks: sessionMarks.marks,
      privacy,
      previewRouting: router.route,
      ...auditParts({ store, codec, database, ledgerDirectory: ledgerRoot(config) }),
      readiness,
      operations: async () => ({
        generations: await listGenerations(database.queries),
        parked: await listParkedStreams(database),
        connections: database.metrics(),
      }),
      metrics,
      clock: systemClock,
      logger,
      settings,
    })
    stopLater('api', () => server.close())
    await server.listen({ host: config.HOST, port: config.PORT })
    const { address, port, family } = server.server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }
}
