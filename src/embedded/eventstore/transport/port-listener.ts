/** One port for both kinds of callers: HTTP/2 goes to gRPC, HTTP/1 to a small set of plain answers. */
import { createServer as createHttp1Server, type Server as Http1Server, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { LIMITS } from '../limits.ts'
import type { GrpcServer } from './grpc-server.ts'

/** PEM texts. */
export interface TlsIdentity {
  readonly cert: string
  readonly key: string
}

export interface PortListenerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly tls?: TlsIdentity | undefined
  readonly grpc: GrpcServer
  readonly http1: RequestListener
}

export interface PortListener {
  readonly port: number
  /** Takes no more connections and ends those that are there. */
  close(): Promise<void>
}

/** Listens; rejects when the port cannot be had. */
export async function listenOnPort(options: PortListenerOptions): Promise<PortListener> {
  const sockets = new Set<Socket>()
  const http1 = createHttp1Server(
    {
      requestTimeout: LIMITS.http1RequestMs,
      headersTimeout: LIMITS.http1RequestMs,
      maxHeaderSize: LIMITS.http1HeaderBytesMax,
    },
    options.http1,
  )
  const server = options.tls ? tlsServer(options.tls, options.grpc, http1) : tcpServer(options.grpc, http1)
  server.maxConnections = LIMITS.connectionsMax
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, LIMITS.keepAliveMs)
    socket.on('error', () => {}) // A broken connection is the caller's affair; whoever serves it hears 'close'.
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await options.grpc.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Over TLS the two sides agree on the protocol in the handshake. */
function tlsServer(identity: TlsIdentity, grpc: GrpcServer, http1: Http1Server): Server {
  const server = createTlsServer({
    ...identity,
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: LIMITS.firstBytesMs,
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => {})
    if (socket.alpnProtocol === 'h2') grpc.serve(socket)
    else http1.emit('connection', socket)
  })
  server.on('tlsClientError', () => {}) // Somebody without TLS, or with another idea of it.
  return server
}

const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** In the clear the first bytes tell: an HTTP/2 client begins with a fixed preface that no HTTP/1 request begins with. */
function tcpServer(grpc: GrpcServer, http1: Http1Server): Server {
  return createTcpServer((socket) => {
    let seen: Buffer = Buffer.alloc(0)
    const giveUp = setTimeout(() => socket.destroy(), LIMITS.firstBytesMs)
    const onReadable = () => {
      const chunk = socket.read() as Buffer | null
      if (!chunk) return
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
      const compared = Math.min(seen.length, HTTP2_PREFACE.length)
      const isHttp2 = seen.compare(HTTP2_PREFACE, 0, compared, 0, compared) === 0
      if (isHttp2 && compared < HTTP2_PREFACE.length) return
      clearTimeout(giveUp)
      socket.off('readable', onReadable)
      socket.unshift(seen)
      if (isHttp2) grpc.serve(socket)
      else http1.emit('connection', socket)
    }
    socket.on('readable', onReadable)
    socket.on('close', () => clearTimeout(giveUp))
  })
}
