/** An origin is allowed when it is the server's own or a configured one, compared exactly; programs send none. */
import type { FastifyRequest } from 'fastify'

export function isOriginAllowed(request: FastifyRequest, allowedOrigins: readonly string[]): boolean {
  const { origin } = request.headers
  if (origin === undefined) return true
  const own = request.host
  return origin === `http://${own}` || origin === `https://${own}` || allowedOrigins.includes(origin)
}
