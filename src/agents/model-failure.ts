/** Says what went wrong at a model in our own words: a code, whether asking again may help, and when. */
import { Fault, isFault } from '../shared/failures.ts'

interface FailureKind {
  /** The same model may be asked again, as long as nobody has seen a word of its answer. */
  readonly mayRetry: boolean
  /** It says that the model is not well, rather than that this question is not for it. */
  readonly isIllness: boolean
}

const kinds = {
  'model-unreachable': { mayRetry: true, isIllness: true },
  'model-connection-lost': { mayRetry: true, isIllness: true },
  'model-overloaded': { mayRetry: true, isIllness: true },
  'model-rate-limited': { mayRetry: true, isIllness: true },
  'model-answer-unfinished': { mayRetry: true, isIllness: true },
  'model-answer-invalid': { mayRetry: true, isIllness: true },
  'model-answer-empty': { mayRetry: true, isIllness: false },
  'model-failed': { mayRetry: true, isIllness: true },
  // Waiting as long once more is worse than another model at once.
  'model-first-token-timeout': { mayRetry: false, isIllness: true },
  'model-timeout': { mayRetry: false, isIllness: true },
  'model-stalled': { mayRetry: false, isIllness: true },
  'model-unauthorized': { mayRetry: false, isIllness: true },
  'model-request-refused': { mayRetry: false, isIllness: false },
  'model-answer-filtered': { mayRetry: false, isIllness: false },
  'model-answer-too-large': { mayRetry: false, isIllness: false },
  'model-unavailable': { mayRetry: false, isIllness: false },
} as const satisfies Record<string, FailureKind>

export type ModelFailureCode = keyof typeof kinds

export function failureKindOf(fault: Fault): FailureKind {
  return Object.hasOwn(kinds, fault.code) ? kinds[fault.code as ModelFailureCode] : kinds['model-failed']
}

/**
 * Makes a fault of whatever a provider's library throws. The error itself is not kept as a cause, and nothing of its
 * message is repeated: it holds the prompt, and what a server answers may hold the key.
 */
export function modelFault(error: unknown): Fault {
  if (isFault(error)) return error
  const inner = faultWithin(error)
  if (inner !== undefined) return inner
  if (filterCodes.has(String(field(field(field(error, 'data'), 'error'), 'code')))) {
    return new Fault('model-answer-filtered')
  }
  const status = statusOf(error)
  if (status !== undefined && status >= 300) {
    const retryAfterMs = retryAfterOf(error)
    return new Fault(codeOfStatus(status), { status, ...(retryAfterMs !== undefined && { retryAfterMs }) })
  }
  const network = networkCodeOf(error)
  if (network !== undefined) return new Fault(codeOfNetwork(network), { network })
  return new Fault(codeOfLibrary(error), { error: nameOf(error) })
}

/** What providers of the OpenAI protocol call a refusal by their filters. */
const filterCodes = new Set(['content_filter', 'content_policy_violation', 'moderation_blocked'])

/** Milliseconds that the provider asks to wait; undefined when it does not say. */
export function retryAfterMsOf(fault: Fault): number | undefined {
  const value = fault.details['retryAfterMs']
  return typeof value === 'number' ? value : undefined
}

function codeOfStatus(status: number): ModelFailureCode {
  if (status === 401 || status === 403) return 'model-unauthorized'
  if (status === 429) return 'model-rate-limited'
  if (status === 408 || status === 409 || status >= 500) return 'model-overloaded'
  return 'model-request-refused'
}

/** A connection that broke after it stood may have broken in the middle of an answer. */
function codeOfNetwork(code: string): ModelFailureCode {
  return /^(UND_ERR_SOCKET|UND_ERR_BODY_TIMEOUT|UND_ERR_RES_|ECONNRESET|EPIPE)/.test(code)
    ? 'model-connection-lost'
    : 'model-unreachable'
}

function statusOf(error: unknown): number | undefined {
  const status = field(error, 'statusCode')
  return typeof status === 'number' ? status : undefined
}

/** Reads `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, 10.2.3). */
function retryAfterOf(error: unknown): number | undefined {
  const headers = field(error, 'responseHeaders') as Record<string, string> | undefined
  const exact = Number(headers?.['retry-after-ms'] ?? Number.NaN)
  if (Number.isFinite(exact)) return Math.max(0, exact)
  const text = headers?.['retry-after']
  if (text === undefined) return undefined
  const seconds = Number(text)
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

function faultWithin(error: unknown): Fault | undefined {
  return chainOf(error).find((link): link is Fault => isFault(link))
}

function networkCodeOf(error: unknown): string | undefined {
  for (const link of chainOf(error)) {
    const code = field(link, 'code')
    if (typeof code === 'string' && /^(UND_ERR_|E[A-Z]+)/.test(code)) return code
  }
  return undefined
}

function codeOfLibrary(error: unknown): ModelFailureCode {
  for (const link of chainOf(error)) {
    const name = nameOf(link)
    // What the library says of a stream that is over without having said why.
    if (/InvalidResponseData/.test(name) && field(link, 'data') === undefined) return 'model-answer-unfinished'
    if (/JSONParse|TypeValidation|InvalidResponseData|EmptyResponseBody|Download/.test(name))
      return 'model-answer-invalid'
  }
  return 'model-failed'
}

const CAUSES_MAX = 8

/** An error and its causes, outermost first. */
function chainOf(error: unknown): unknown[] {
  const chain: unknown[] = []
  for (
    let link = error;
    link !== undefined && link !== null && chain.length < CAUSES_MAX;
    link = field(link, 'cause')
  ) {
    chain.push(link)
  }
  return chain
}

function nameOf(error: unknown): string {
  const name = field(error, 'name')
  return typeof name === 'string' ? name.slice(0, 60) : typeof error
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}
