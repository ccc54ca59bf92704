/** Admits sockets to conversations: each is accepted first and then, where the rules say no, closed with a code. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RawData, WebSocket } from 'ws'
import type { Request } from '../../commands/conversation-gateway.ts'
import { conversationIdOf } from '../../events/stream-names.ts'
import { isFault, type Refusal, refusal } from '../../shared/failures.ts'
import { type Position, toPosition } from '../../shared/ids.ts'
import { within } from '../../shared/waiting.ts'
import type { ApiServices } from '../api-services.ts'
import { isConversationId } from '../contracts/common-contract.ts'
import type { ServerFrame } from '../contracts/socket-frames.ts'
import { closeCodes } from '../open-sockets.ts'
import { isOriginAllowed } from '../origin-check.ts'
import type { Person } from '../person.ts'
import { answerProblem, problemOf } from '../problem-answer.ts'
import { startSocketSession } from '../socket-session.ts'

/** A socket opens without the read models when they do not answer in time. */
const POSITION_WAIT_MS_MAX = 1_000

interface SocketRoute {
  Params: { conversationId: string }
  Querystring: { token?: unknown }
}

export function registerChatSocket(app: FastifyInstance, services: ApiServices): void {
  app.route<SocketRoute>({
    method: 'GET',
    url: '/ws/chat/:conversationId',
    schema: { hide: true },
    handler: (_request, reply) => answerProblem(reply.header('upgrade', 'websocket'), refusal('upgrade-required')),
    wsHandler: async (socket, request) => {
      // Frames that come before the socket is admitted wait in the network, not here.
      socket.pause()
      try {
        await open(socket, request as FastifyRequest<SocketRoute>, services)
      } catch (error) {
        services.logger.error({ requestId: request.id, error: String(error) }, 'socket could not be opened')
        if (isFault(error, 'store-unavailable') || isFault(error, 'conflict-persists'))
          reject(socket, { closeCode: closeCodes.tryAgain, reason: refusal('store-unavailable') })
        else socket.close(closeCodes.ourMistake, 'internal')
      } finally {
        socket.resume()
      }
    },
  })
}

interface Rejection {
  readonly closeCode: number
  readonly reason: Refusal
  readonly retryAfterMs?: number
}

async function open(socket: WebSocket, request: FastifyRequest<SocketRoute>, services: ApiServices): Promise<void> {
  const person = await admit(socket, request, services)
  if ('closeCode' in person) return reject(socket, person)
  const conversationId = conversationIdOf(person.ownerId, request.params.conversationId)
  const [position, leave] = await Promise.all([readPosition(services), services.live.attend(conversationId)])
  // A sign-out, a restart or the client may have closed it meanwhile.
  if (socket.readyState !== socket.OPEN) return leave()
  prepare({ ownerId: person.ownerId, clientConversationId: request.params.conversationId }, services)
  const session = startSocketSession({
    services,
    person,
    clientConversationId: request.params.conversationId,
    position,
    send: (frame) => send(socket, frame, services),
    close: (code, reason) => socket.close(code, reason),
  })
  socket.on('message', (data, isBinary) => session.receive(isBinary ? undefined : textOf(data)))
  socket.on('close', () => {
    session.stop()
    leave()
  })
}

/** Who opens a socket is about to write: the first words should not wait for a key. Without it they do. */
function prepare(request: Request, { gateway, logger }: ApiServices): void {
  gateway.prepare(request).catch((error) => logger.debug({ error: String(error) }, 'a conversation is not prepared'))
}

/** The person whose socket this is, counted among that person's sockets; or why not. */
async function admit(
  socket: WebSocket,
  request: FastifyRequest<SocketRoute>,
  services: ApiServices,
): Promise<Person | Rejection> {
  const { sockets, connectionTokens, connectionRate, endedSessions, settings } = services
  if (sockets.isStopping()) return { closeCode: closeCodes.restarting, reason: refusal('stopping') }
  if (!isOriginAllowed(request, settings.allowedOrigins)) {
    return { closeCode: closeCodes.notAllowed, reason: refusal('origin-not-allowed') }
  }
  if (!isConversationId(request.params.conversationId)) {
    return { closeCode: closeCodes.notAcceptable, reason: refusal('conversation-id-invalid') }
  }
  const { token } = request.query
  const person = typeof token === 'string' ? await connectionTokens.take(token) : undefined
  if (person === undefined || endedSessions.isEnded(person) || person.expiresAt <= services.clock()) {
    return { closeCode: closeCodes.notSignedIn, reason: refusal('not-signed-in') }
  }
  if (!person.roles.includes('user')) return { closeCode: closeCodes.notAllowed, reason: refusal('role-missing') }
  const retryAfterMs = connectionRate.take(person.ownerId)
  if (retryAfterMs > 0)
    return { closeCode: closeCodes.limits, reason: refusal('connections-too-frequent'), retryAfterMs }
  if (sockets.add(socket, person)) return person
  return { closeCode: closeCodes.limits, reason: refusal('too-many-connections') }
}

/** Says why in a last frame, for people; the close code is for programs. */
function reject(socket: WebSocket, { closeCode, reason, retryAfterMs }: Rejection): void {
  const problem = problemOf(reason, retryAfterMs === undefined ? {} : { retryAfterMs })
  const wait = problem.retryAfterMs === undefined ? {} : { retryAfterMs: problem.retryAfterMs }
  const frame: ServerFrame = { type: 'error', code: problem.code, message: problem.title, ...wait }
  socket.send(JSON.stringify(frame))
  socket.close(closeCode, problem.code)
}

/** How far the read models have come; 0, which promises nothing, when they do not say. */
async function readPosition({ queries, logger }: ApiServices): Promise<Position> {
  try {
    return await within(POSITION_WAIT_MS_MAX, queries.position(), () => new Error('read models did not answer in time'))
  } catch (error) {
    logger.warn({ error }, 'socket opened without a read position')
    return toPosition(0)
  }
}

/** A client that does not take its frames is let go, so that its backlog is not our memory. */
function send(socket: WebSocket, frame: ServerFrame, { settings, collected }: ApiServices): void {
  if (socket.readyState !== socket.OPEN) return
  if (socket.bufferedAmount > settings.limits.unsentBytesPerSocketMax) {
    // Nothing is added from here on; a peer that does not even take the close frame is cut by the socket's own timer.
    socket.close(closeCodes.tryAgain, 'too slow')
    return
  }
  collected.framesSent.inc({ type: frame.type })
  socket.send(JSON.stringify(frame))
}

function textOf(data: RawData): string {
  return Array.isArray(data) ? Buffer.concat(data).toString() : Buffer.from(data as Buffer).toString()
}
