/** The few plain HTTP/1 requests that tools send to an EventStoreDB port, and the backup of a store that is being used. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import path from 'node:path'
import type { AccessControl, NodeAction } from '../access/access-control.ts'
import { LIMITS } from '../limits.ts'
import { answer, answerFailure, callerOf, type Http1Handler, readBody } from './http1-exchange.ts'

/** What the answers are made from. */
export interface Http1Node {
  readonly version: string
  readonly isSecure: boolean
  readonly access: AccessControl
  readonly statistics: () => object
  readonly gossip: (authority: string | undefined) => object
  /** Copies everything that is durable now into an empty directory; undefined for a store without a directory. */
  readonly backup: ((directory: string) => Promise<object>) | undefined
  /** Takes events at addresses of its own. */
  readonly append: { readonly isAddress: (pathname: string) => boolean; readonly handler: Http1Handler }
}

const NOT_HERE =
  'This is an embedded event store: it speaks gRPC, and over HTTP/1 only /ping, /info, /gossip, /stats, /health/live, POST /streams/{stream} and POST /admin/backup.'

/** Answers what everybody may ask, and backups to operators; anything else is a clear 404. */
export function http1Routes(node: Http1Node): RequestListener {
  const routes = routesOf(node)
  return (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const offered =
      routes.get(pathname) ?? (node.append.isAddress(pathname) ? { POST: node.append.handler } : undefined)
    const handler = offered?.[request.method === 'HEAD' ? 'GET' : (request.method as Method)]
    if (handler) void Promise.resolve(handler(request, response)).catch((error) => answerFailure(response, error))
    else {
      request.resume()
      if (offered) answer(response, 405, 'That is not offered here.', { allow: Object.keys(offered).join(', ') })
      else answer(response, 404, NOT_HERE)
    }
  }
}

type Method = 'GET' | 'POST'
type Offered = { readonly [Name in Method]?: Http1Handler }

function routesOf(node: Http1Node): ReadonlyMap<string, Offered> {
  const get = (body: (request: IncomingMessage) => object | undefined): Offered => {
    const handler: Http1Handler = (request, response) => {
      request.resume()
      const found = body(request)
      answer(response, found === undefined ? 204 : 200, found)
    }
    return { GET: handler }
  }
  const alive = get(() => undefined)
  return new Map<string, Offered>([
    ['/ping', get(() => ({ msgTypeId: 0, text: 'Ping request successfully handled' }))],
    ['/info', get(() => infoOf(node))],
    ['/gossip', get((request) => node.gossip(request.headers.host))],
    ['/stats', get(() => node.statistics())],
    ['/health/live', alive],
    ['/health/ready', alive],
    ['/admin/backup', { POST: (request, response) => backUp(node, request, response) }],
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

/** Takes `{"directory": …}`. Pages in browsers say where they come from with every POST, and are refused. */
async function backUp(node: Http1Node, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.headers.origin !== undefined) return answer(response, 403, 'Pages of browsers may not ask for a backup.')
  const action: NodeAction = 'operations/backup'
  node.access.authorizeNode(await callerOf(node.access, request), action)
  if (request.headers['content-type'] !== 'application/json')
    return answer(response, 415, 'A backup is asked for as application/json.')
  const directory = parseDirectory(await readBody(request, LIMITS.http1BodyBytesMax))
  if (directory === undefined) return answer(response, 400, 'A backup needs {"directory": "…"}, an absolute path.')
  if (!node.backup) return answer(response, 409, 'This event store lives in memory: there is nothing to copy.')
  try {
    answer(response, 200, await node.backup(directory))
  } catch (error) {
    const { code = 'backup-failed', message } = error as { code?: string; message: string }
    answer(response, 409, { code, message })
  }
}

function parseDirectory(body: Buffer): string | undefined {
  try {
    const { directory } = JSON.parse(body.toString('utf8')) as { directory?: unknown }
    return typeof directory === 'string' && path.isAbsolute(directory) ? directory : undefined
  } catch {
    return undefined
  }
}
