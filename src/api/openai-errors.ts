/** Failures in the shape that OpenAI's clients read: `{error: {message, type, param, code}}`. */
import type { FastifyReply } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { type Refusal, refusal } from '../shared/failures.ts'
import { problemOf, refusalOfError } from './problem-answer.ts'

export interface OpenAiErrorOptions {
  readonly param?: string
  readonly retryAfterMs?: number
}

export interface OpenAiError {
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string
}

/** Their clients decide by the status whether to try again: 429 and 5xx are. */
export function answerOpenAiError(
  reply: FastifyReply,
  reason: Refusal,
  options: OpenAiErrorOptions = {},
): FastifyReply {
  const { retryAfterMs } = options
  const problem = problemOf(reason, retryAfterMs === undefined ? {} : { retryAfterMs })
  if (problem.retryAfterMs !== undefined) reply.header('retry-after', String(Math.ceil(problem.retryAfterMs / 1000)))
  return reply
    .code(statusOf(problem.status))
    .type('application/json')
    .serializer((body) => JSON.stringify(body))
    .send({ error: openAiErrorOf(reason, options) })
}

export function openAiErrorOf({ code, detail }: Refusal, { param }: OpenAiErrorOptions = {}): OpenAiError {
  const problem = problemOf(refusal(code, detail))
  const message = detail === undefined ? problem.title : `${problem.title} ${detail}`
  return { message, type: typeOf(problem.status), param: param ?? null, code: theirCode[code] ?? code }
}

export function answerThrown(reply: FastifyReply, error: unknown): FastifyReply {
  const path = hasZodFastifySchemaValidationErrors(error) ? error.validation[0]?.instancePath : undefined
  const param = path?.slice(1).replaceAll('/', '.')
  return answerOpenAiError(reply, refusalOfError(error), param === undefined || param === '' ? {} : { param })
}

const theirCode: Readonly<Record<string, string>> = {
  'not-signed-in': 'invalid_api_key',
  'messages-too-frequent': 'rate_limit_exceeded',
  'model-unknown': 'model_not_found',
  'parameter-unsupported': 'unsupported_parameter',
}

/** They have no 422: what cannot be understood is 400. */
function statusOf(status: number): number {
  return status === 422 || status === 413 ? 400 : status
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}
