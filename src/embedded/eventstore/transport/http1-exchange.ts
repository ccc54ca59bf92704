/** One HTTP/1 request and its answer: bodies of bounded size in, plain texts and JSON out, failures by their status. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { AccessControl, Principal } from '../access/access-control.ts'
import { GRPC_STATUS, GrpcError } from './grpc-error.ts'

export type Http1Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

/** Answers who sends a request; rejects with UNAUTHENTICATED on wrong credentials. */
export async function callerOf(access: AccessControl, { headers }: IncomingMessage): Promise<Principal> {
  return access.authenticate(headers.authorization === undefined ? {} : { authorization: headers.authorization })
}

/** Reads a whole body; rejects with RESOURCE_EXHAUSTED when it has more bytes than `bytesMax`. */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const tooLarge = () => new GrpcError(GRPC_STATUS.resourceExhausted, 'the request is too large')
  // Said before reading, the refusal arrives; giving up in the middle ends the connection.
  if (Number(request.headers['content-length']) > bytesMax) throw tooLarge()
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bytesMax) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Sends an object as JSON, a string as plain text, or no body at all. */
export function answer(
  response: ServerResponse,
  status: number,
  body?: string | object,
  more: OutgoingHttpHeaders = {},
): void {
  const type = typeof body === 'object' ? 'application/json' : 'text/plain'
  const headers = { ...(body !== undefined && { 'content-type': type }), ...(status === 401 && CHALLENGE), ...more }
  response.writeHead(status, headers)
  response.end(typeof body === 'object' ? JSON.stringify(body) : body)
}

const CHALLENGE = { 'www-authenticate': 'Basic realm="event store"' }

const HTTP_STATUS: Readonly<Record<number, number>> = {
  [GRPC_STATUS.unauthenticated]: 401,
  [GRPC_STATUS.permissionDenied]: 403,
  [GRPC_STATUS.resourceExhausted]: 413,
  [GRPC_STATUS.unavailable]: 503,
}

/** Answers a request whose handling failed. */
export function answerFailure(response: ServerResponse, error: unknown): void {
  const status = error instanceof GrpcError ? (HTTP_STATUS[error.status] ?? 500) : 500
  if (response.headersSent) response.destroy()
  else answer(response, status, error instanceof GrpcError ? error.message : 'the server failed unexpectedly')
}
