/** Assembles the API from its parts: hooks, plugins and routes, one after the other; listening is up to the caller. */
import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import websocket from '@fastify/websocket'
import Fastify, { type FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { mintId } from '../shared/ids.ts'
import type { ApiParts } from './api-parts.ts'
import { type ApiServices, createApiServices } from './api-services.ts'
import { registerBodyParser } from './body-parser.ts'
import { openApiOptions } from './open-api.ts'
import { answerProblem, refusalOfError, registerProblemAnswers, routeOf } from './problem-answer.ts'
import { registerAnalyticsRoutes } from './routes/analytics-routes.ts'
import { registerAttachmentRoutes } from './routes/attachment-routes.ts'
import { registerAuditRoutes } from './routes/audit-routes.ts'
import { registerAuthRoutes } from './routes/auth-routes.ts'
import { registerChatRoutes } from './routes/chat-routes.ts'
import { registerChatSocket } from './routes/chat-socket.ts'
import { registerConversationCommandRoutes } from './routes/conversation-command-routes.ts'
import { registerConversationQueryRoutes } from './routes/conversation-query-routes.ts'
import { registerDocumentationRoutes } from './routes/documentation-routes.ts'
import { registerExportRoutes } from './routes/export-routes.ts'

import { registerLedgerRoutes } from './routes/ledger-routes.ts'
import { registerOpenAiRoutes } from './routes/openai-routes.ts'
import { registerOperateRoutes } from './routes/operate-routes.ts'

import { registerPageRoutes } from './routes/page-routes.ts'
import { registerPrivacyRoutes } from './routes/privacy-routes.ts'
import { registerProfileRoutes } from './routes/profile-routes.ts'
import { registerProjectRoutes } from './routes/project-routes.ts'
import { registerSearchRoutes } from './routes/search-routes.ts'
import { registerServiceRoutes } from './routes/service-routes.ts'
import { registerTurnRoutes } from './routes/turn-routes.ts'
import type { ApiServer } from './server-type.ts'
import { registerUnknownRoutes } from './unknown-routes.ts'
import { answerUnreadable } from './unreadable-request.ts'

/** A request that takes longer to arrive is cut. */
const REQUEST_TIMEOUT_MS = 30_000
/** Longer path segments are no ids of ours; shorter wrong ones still get their reason. */
const PARAM_CHARACTERS_MAX = 1_024

/**
 * Builds the server. `close()` stops accepting, closes sockets with 1012, lets requests finish and is done within
 * twice the limits' `closeGraceMs`. Throws a Fault `jwt-secret-too-short`.
 */
export function buildHttpServer(parts: ApiParts): FastifyInstance {
  const { settings, logger } = parts
  const services = createApiServices(parts)
  const app = Fastify({
    logger: false,
    trustProxy: settings.isBehindProxy,
    bodyLimit: settings.limits.bodyBytesMax,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    genReqId: () => mintId(),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: PARAM_CHARACTERS_MAX },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (error, _request, reply) => answerProblem(reply, refusalOfError(error)),
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  registerBodyParser(app)
  registerProblemAnswers(app, logger)
  registerUnknownRoutes(app)
  observeRequests(app, services)
  registerHelmet(app)
  app.register(swagger, openApiOptions)
  registerWebSockets(app, services)
  // In a plugin of their own, so that the plugins above see every route.
  app.register((scope, _options, done) => {
    registerRoutes(scope as unknown as ApiServer, services)
    done()
  })
  return app as unknown as FastifyInstance
}

function registerRoutes(app: ApiServer, services: ApiServices): void {
  registerAuthRoutes(app, services)
  registerConversationQueryRoutes(app, services)
  registerConversationCommandRoutes(app, services)
  registerExportRoutes(app, services)
  registerSearchRoutes(app, services)
  registerProfileRoutes(app, services)
  registerAttachmentRoutes(app, services)
  registerProjectRoutes(app, services)
  registerPrivacyRoutes(app, services)
  registerTurnRoutes(app, services)
  registerChatRoutes(app, services)
  registerOpenAiRoutes(app, services)
  registerAnalyticsRoutes(app, services)
  registerServiceRoutes(app, services)
  registerAuditRoutes(app, services)
  registerLedgerRoutes(app, services)
  registerDocumentationRoutes(app)
  registerOperateRoutes(app, services)
  registerPageRoutes(app)
  registerChatSocket(app as unknown as FastifyInstance, services)
}

/** Nothing but our own files: no inline scripts, no other hosts, no framing. */
function registerHelmet(app: ApiServer): void {
  app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'same-origin' },
  })
}

function registerWebSockets(app: ApiServer, { sockets, streams, settings, logger }: ApiServices): void {
  app.addHook('preClose', async () => streams.stop())
  app.register(websocket, {
    options: { maxPayload: settings.limits.frameBytesMax, perMessageDeflate: false },
    // The library closes a faulty socket with the right code by itself: a frame too large with 1009, bad text with 1007.
    errorHandler: (error) => logger.debug({ error }, 'socket ended with an error'),
    preClose: () => sockets.stop(),
  })
  // What still hangs after the sockets had their grace is cut, so that a close always ends.
  let cut: NodeJS.Timeout | undefined
  app.addHook('preClose', async () => {
    cut = setTimeout(() => cutConnections(app as unknown as FastifyInstance), settings.limits.closeGraceMs)
  })
  app.addHook('onClose', async () => clearTimeout(cut))
}

function cutConnections(app: FastifyInstance): void {
  for (const client of app.websocketServer.clients) client.terminate()
  app.server.closeAllConnections()
}

/** Logs and counts every request by its route's pattern; addresses, which may hold tokens, are never logged. */
function observeRequests(app: ApiServer, { collected, logger }: ApiServices): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
  app.addHook('onResponse', async (request, reply) => {
    if (request.ws) return
    const { method } = request
    const route = routeOf(request)
    const status = reply.statusCode
    collected.requestSeconds.observe({ method, route, status: String(status) }, reply.elapsedTime / 1000)
    logger.debug(
      { requestId: request.id, method, route, status, tookMs: Math.round(reply.elapsedTime) },
      'answered request',
    )
  })
}
