/** The few plain HTTP/1 requests that tools send to an EventStoreDB port. */
import type { RequestListener, ServerResponse } from 'node:http'

/** Answers /ping, /info and the health checks; anything else is a clear 404. */
export function http1Routes(version: string): RequestListener {
  const info = {
    dbVersion: version,
    esVersion: version,
    state: 'leader',
    features: {},
    authentication: { type: 'insecure' },
  }
  const ping = { msgTypeId: 0, text: 'Ping request successfully handled' }
  return (request, response) => {
    request.resume()
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(response, 405, 'Only GET is offered here.')
    if (pathname === '/ping') answer(response, 200, ping)
    else if (pathname === '/info') answer(response, 200, info)
    else if (pathname === '/health/live' || pathname === '/health/ready') answer(response, 204)
    else
      answer(
        response,
        404,
        'This is an embedded event store: it speaks gRPC, and over HTTP/1 only /ping, /info and /health/live.',
      )
  }
}

function answer(response: ServerResponse, status: number, body?: string | object): void {
  const type = typeof body === 'object' ? 'application/json' : 'text/plain'
  response.writeHead(status, body === undefined ? {} : { 'content-type': type })
  response.end(typeof body === 'object' ? JSON.stringify(body) : body)
}
