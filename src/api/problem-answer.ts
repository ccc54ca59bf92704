/** Every failure leaves as problem+json with a code of the catalogue: refusals, faults, and what the framework finds wrong. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { isFault, type Refusal, refusal } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import type { Problem } from './contracts/common-contract.ts'
import { type ErrorCode, errorCatalogue, errorEntryOf } from './error-catalogue.ts'

export interface ProblemOptions {
  readonly retryAfterMs?: number
  readonly errors?: Problem['errors']
  readonly parts?: Problem['parts']
}

/** When somebody should try again after a failure that names no time itself. */
export const RETRY_AFTER_MS = 1_000

/** Answers with a refusal; its code gives the status. */
export function answerProblem(
  reply: FastifyReply,
  { code, detail }: Refusal,
  options: ProblemOptions = {},
): FastifyReply {
  const problem = problemOf(refusal(code, detail), options)
  if (problem.retryAfterMs !== undefined) reply.header('retry-after', String(Math.ceil(problem.retryAfterMs / 1000)))
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
  // Serialised here, so that a problem never depends on the schemas of the route that failed.
  return reply
    .code(problem.status)
    .type('application/problem+json')
    .serializer((body) => (typeof body === 'string' ? body : JSON.stringify(body)))
    .send(problem)
}

/** A code unknown to the catalogue is still a refusal: 422. */
export function problemOf({ code, detail }: Refusal, options: ProblemOptions = {}): Problem {
  const entry = errorEntryOf(code) ?? { status: 422, title: 'This is not possible.', explanation: code }
  const mayRetry = entry.status === 429 || entry.status === 503
  return {
    type: `/docs/errors#${code}`,
    title: entry.title,
    status: entry.status,
    code,
    detail: detail ?? entry.explanation,
    ...(mayRetry ? { retryAfterMs: RETRY_AFTER_MS } : {}),
    ...options,
  }
}

/** Makes unknown routes and everything thrown answer as problems. */
export function registerProblemAnswers(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const found = refusalOfError(error)
    if (found.code === 'internal') logMistake(logger, request, error)
    else if (errorEntryOf(found.code)?.status === 503) logUnavailable(logger, request, error)
    const errors = hasZodFastifySchemaValidationErrors(error) ? invalidPartsOf(error) : undefined
    return answerProblem(reply, found, errors === undefined ? {} : { errors })
  })
}

/** What a client is told of something thrown: a fault's own code when it is in the catalogue, never its details. */
export function refusalOfError(error: unknown): Refusal {
  if (isFault(error)) return refusal(errorEntryOf(error.code) === undefined ? 'internal' : error.code)
  if (hasZodFastifySchemaValidationErrors(error)) return refusalOfInvalidRequest(error)
  const frameworkCode = (error as Partial<FastifyError> | undefined)?.code
  return refusal((frameworkCode && codesOfFramework[frameworkCode]) || 'internal')
}

const codesOfFramework: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media-type-not-supported',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'body-invalid',
  FST_ERR_CTP_INVALID_JSON_BODY: 'body-invalid',
  FST_ERR_BAD_URL: 'request-invalid',
}

type ValidationError = FastifyError & { readonly validation: readonly { instancePath: string; message?: string }[] }

/** A schema may say its reason as a code of the catalogue: then that is the answer, when it is the only one. */
function refusalOfInvalidRequest(error: ValidationError): Refusal {
  const [first, ...others] = error.validation
  const message = first?.message ?? ''
  if (others.length === 0 && Object.hasOwn(errorCatalogue, message)) return refusal(message)
  return refusal(
    'request-invalid',
    `${error.validationContext ?? 'request'}${first?.instancePath ?? ''}: ${explained(message)}`,
  )
}

function invalidPartsOf(error: ValidationError): Problem['errors'] {
  return error.validation.map(({ instancePath, message }) => ({
    path: `${error.validationContext ?? ''}${instancePath}`,
    message: explained(message ?? ''),
  }))
}

function explained(message: string): string {
  return errorEntryOf(message)?.explanation ?? message
}

function logMistake(logger: Logger, request: FastifyRequest, error: unknown): void {
  logger.error({ requestId: request.id, route: routeOf(request), error }, 'request failed by our mistake')
}

function logUnavailable(logger: Logger, request: FastifyRequest, error: unknown): void {
  logger.warn({ requestId: request.id, route: routeOf(request), error }, 'request could not be served now')
}

/** The route's pattern, never the address itself: that may hold a token. */
export function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'unknown'
}
