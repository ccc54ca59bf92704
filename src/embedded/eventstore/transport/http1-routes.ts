/** The few plain HTTP/1 requests that tools send to an EventStoreDB port, and the backup of a store that is being used. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import path from 'node:path'
import type { AccessControl, NodeAction } from '../access/access-control.ts'
import { LIMITS } from '../limits.ts'
import { GRPC_STATUS, GrpcError } from './grpc-error.ts'

/** What the answers are made from. */
export interface Http1Node {
  readonly version: string
  readonly isSecure: boolean
  readonly access: AccessControl
  readonly statistics: () => object
  readonly gossip: (authority: string | undefined) => object
  /** Copies everything that is durable now into an empty directory; undefined for a store without a directory. */
  readonly backup: ((directory: string) => Promise<object>) | undefined
}

type Route = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

const NOT_HERE =
  'This is an embedded event store: it speaks gRPC, and over HTTP/1 only /ping, /info, /gossip, /stats, /health/live and POST /admin/backup.'

/** Answers what everybody may ask, and backups to operators; anything else is a clear 404. */
export function http1Routes(node: Http1Node): RequestListener {
  const routes = routesOf(node)
  return (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const route = routes.get(`${method} ${pathname}`)
    if (!route) request.resume()
    if (route) void Promise.resolve(route(request, response)).catch((error) => refuse(response, error))
    else if (method !== 'GET') answer(response, 405, 'Only GET is offered here.')
    else answer(response, 404, NOT_HERE)
  }
}

function routesOf(node: Http1Node): ReadonlyMap<string, Route> {
  const get = (body: (request: IncomingMessage) => object | undefined): Route => {
    return (request, response) => {
      request.resume()
      const found = body(request)
      answer(response, found === undefined ? 204 : 200, found)
    }
  }
  const alive = get(() => undefined)
  return new Map<string, Route>([
    ['GET /ping', get(() => ({ msgTypeId: 0, text: 'Ping request successfully handled' }))],
    ['GET /info', get(() => infoOf(node))],
    ['GET /gossip', get((request) => node.gossip(request.headers.host))],
    ['GET /stats', get(() => node.statistics())],
    ['GET /health/live', alive],
    ['GET /health/ready', alive],
    ['POST /admin/backup', (request, response) => backUp(node, request, response)],
  ])
}

function infoOf({ version, isSecure }: Http1Node): object {
  return {
    dbVersion: version,
    esVersion: version,
    state: 'leader',
    features: { projections: false, userManagement: isSecure, atomPub: false },
    authentication: { type: isSecure ? 'basic' : 'insecure' },
  }
}

/** Takes `{"directory": …}`. Only as JSON, which no page of another site can send without asking first. */
async function backUp(node: Http1Node, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const action: NodeAction = 'operations/backup'
  const { authorization } = request.headers
  node.access.authorizeNode(
    await node.access.authenticate(authorization === undefined ? {} : { authorization }),
    action,
  )
  if (request.headers['content-type'] !== 'application/json')
    return answer(response, 415, 'A backup is asked for as application/json.')
  const directory = parseDirectory(await readBody(request))
  if (directory === undefined) return answer(response, 400, 'A backup needs {"directory": "…"}, an absolute path.')
  if (!node.backup) return answer(response, 409, 'This event store lives in memory: there is nothing to copy.')
  try {
    answer(response, 200, await node.backup(directory))
  } catch (error) {
    const { code = 'backup-failed', message } = error as { code?: string; message: string }
    answer(response, 409, { code, message })
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > LIMITS.http1BodyBytesMax) throw new GrpcError(GRPC_STATUS.resourceExhausted, 'the request is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseDirectory(body: string): string | undefined {
  try {
    const { directory } = JSON.parse(body) as { directory?: unknown }
    return typeof directory === 'string' && path.isAbsolute(directory) ? directory : undefined
  } catch {
    return undefined
  }
}

const HTTP_STATUS: Readonly<Record<number, number>> = {
  [GRPC_STATUS.unauthenticated]: 401,
  [GRPC_STATUS.permissionDenied]: 403,
  [GRPC_STATUS.resourceExhausted]: 413,
}

function refuse(response: ServerResponse, error: unknown): void {
  const status = error instanceof GrpcError ? (HTTP_STATUS[error.status] ?? 500) : 500
  if (response.headersSent) response.destroy()
  else answer(response, status, error instanceof GrpcError ? error.message : 'the server failed unexpectedly')
}

function answer(response: ServerResponse, status: number, body?: string | object): void {
  const type = typeof body === 'object' ? 'application/json' : 'text/plain'
  const headers = { ...(body !== undefined && { 'content-type': type }), ...(status === 401 && CHALLENGE) }
  response.writeHead(status, headers)
  response.end(typeof body === 'object' ? JSON.stringify(body) : body)
}

const CHALLENGE = { 'www-authenticate': 'Basic realm="event store"' }
