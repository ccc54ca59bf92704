/** Says in plain words what went wrong and what to do about it; a stack trace is never the only explanation. */
import { isFault } from '../shared/failures.ts'

interface PlainError {
  readonly code?: unknown
  readonly message?: unknown
  readonly cause?: unknown
}

/** One or more lines for a person. */
export function failureText(error: unknown): string {
  if (isFault(error, 'configuration-invalid')) {
    const problems = String(error.details['problems']).split(' | ')
    return ['The configuration is not valid:', ...problems.map((problem) => `  ${problem}`)].join('\n')
  }
  const { code, message } = (error ?? {}) as PlainError
  const explanation = explanations[String(code)]
  const said = typeof message === 'string' && message !== '' ? message : String(error)
  const lines = explanation === undefined ? [said] : [explanation, `  (${said})`]
  return [...lines, ...causesOf(error).map((cause) => `  because: ${cause}`)].join('\n')
}

const explanations: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'The port is in use by another program. Stop that program, or set PORT to another port (0 takes a free one).',
  EACCES: 'The system refuses access. Check who may listen on this port, and who may write to the data directory.',
  'data-directory-unusable':
    'The data directory cannot be used. Set EMBERLOG_DATA_DIR to a directory that this user may write to.',
  'store-unavailable': 'The event store does not answer. Check EVENTSTORE_URL and that the server is running.',
  'database-unavailable': 'Postgres does not answer. Check DATABASE_URL and that the server is running.',
}

const CAUSES_MAX = 4

function causesOf(error: unknown): string[] {
  const causes: string[] = []
  let cause = (error as PlainError | undefined)?.cause
  while (cause !== undefined && cause !== null && causes.length < CAUSES_MAX) {
    const { message, code } = cause as PlainError
    const said = [code, message].filter((part) => typeof part === 'string' && part !== '').join(': ')
    if (said !== '') causes.push(said.split('\n')[0] ?? '')
    cause = (cause as PlainError).cause
  }
  return causes
}
