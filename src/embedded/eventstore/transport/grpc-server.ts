/** Takes HTTP/2 connections and hands each gRPC call to its handler; what is not gRPC or not known gets a clear answer. */

import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import type { AccessControl, Principal } from '../access/access-control.ts'
import { LIMITS } from '../limits.ts'
import type { StoreLogger } from '../store-logger.ts'
import { GrpcCall, type RpcHandler } from './grpc-call.ts'
import { GRPC_STATUS, GrpcError } from './grpc-error.ts'
import { UnfinishedBytes } from './grpc-framing.ts'

export interface GrpcServerOptions {
  /** Handlers by path, such as `/event_store.client.streams.Streams/Read`. */
  readonly routes: ReadonlyMap<string, RpcHandler>
  readonly access: AccessControl
  readonly logger: StoreLogger
}

export class GrpcServer {
  readonly #options: GrpcServerOptions
  readonly #server: Http2Server
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #calls = new Set<GrpcCall>()
  readonly #unfinished = new UnfinishedBytes()
  #isClosing = false

  constructor(options: GrpcServerOptions) {
    this.#options = options
    this.#server = createServer({
      maxHeaderListPairs: LIMITS.headerPairsMax,
      maxSessionMemory: LIMITS.sessionMemoryMib,
      streamResetBurst: LIMITS.streamResetBurst,
      streamResetRate: LIMITS.streamResetsPerSecond,
      settings: {
        maxConcurrentStreams: LIMITS.streamsPerConnectionMax,
        maxHeaderListSize: LIMITS.headerBytesMax,
        initialWindowSize: LIMITS.receiveWindowBytes,
        enablePush: false,
      },
    })
    this.#server.on('session', (session) => this.#track(session))
    this.#server.on('stream', (stream, headers) => this.#accept(stream, headers))
    this.#server.on('sessionError', (error) =>
      options.logger.debug({ error: String(error) }, 'a connection broke the protocol'),
    )
  }

  /** Serves HTTP/2 on a connected socket, plain or TLS, whose first bytes may have been read and put back. */
  serve(socket: Duplex): void {
    this.#server.emit('connection', socket)
  }

  /** Ends every call and every connection: calls under way are broken off as a stopping node does it. */
  async close(): Promise<void> {
    this.#isClosing = true
    for (const call of this.#calls) call.abandon()
    await Promise.all([...this.#sessions].map(closeSession))
  }

  #track(session: ServerHttp2Session): void {
    this.#sessions.add(session)
    session.setLocalWindowSize(LIMITS.receiveWindowBytes)
    session.on('close', () => this.#sessions.delete(session))
    session.on('error', () => {}) // 'sessionError' of the server tells it.
    if (this.#isClosing) session.destroy()
  }

  #accept(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    if (this.#isClosing || this.#calls.size >= LIMITS.streamsMax) stream.close(constants.NGHTTP2_REFUSED_STREAM)
    else if (String(headers['content-type'] ?? '').startsWith('application/grpc')) this.#begin(stream, headers)
    else answerPlainly(stream)
  }

  #begin(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { access, logger, routes } = this.#options
    const call = new GrpcCall({ stream, headers, unfinished: this.#unfinished, logger })
    this.#calls.add(call)
    call.onClose(() => this.#calls.delete(call))
    const handler = routes.get(call.path)
    void call.serve((served) => {
      const principal = access.authenticate(headers)
      if (!handler)
        throw new GrpcError(GRPC_STATUS.unimplemented, `${call.path} is not supported by the embedded event store`)
      if (!(principal instanceof Promise)) return serveAs(principal, handler, served)
      return principal.then((found) => serveAs(found, handler, served))
    })
  }
}

/** What the client has sent meanwhile waits in its stream. */
function serveAs(principal: Principal, handler: RpcHandler, call: GrpcCall): void | Promise<void> {
  call.principal = principal
  if (call.isOpen) return handler(call)
}

/** A request over HTTP/2 that is not gRPC. */
function answerPlainly(stream: ServerHttp2Stream): void {
  stream.on('error', () => {})
  stream.respond({ ':status': 415, 'content-type': 'text/plain' }, { endStream: false })
  stream.end('This port speaks gRPC over HTTP/2, and HTTP/1.1 for /ping, /info and /health/live.\n')
}

/** Lets what was said leave, then closes; a peer that does not read is not waited for. */
function closeSession(session: ServerHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    const giveUp = setTimeout(() => session.destroy(), LIMITS.shutdownMs)
    session.once('close', () => {
      clearTimeout(giveUp)
      resolve()
    })
    session.close()
  })
}
