/** Says in plain words what went wrong and what to do about it; a stack trace is never the only explanation. */
import { isFault } from '../shared/failures.ts'
import { faultExplanations } from './fault-explanations.ts'

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
  const explanation = faultExplanations[String(code)]
  const said = typeof message === 'string' && message !== '' ? message : String(error)
  const lines = explanation === undefined ? [said] : [explanation, `  (${said})`]
  return [...lines, ...causesOf(error).map((cause) => `  because: ${cause}`)].join('\n')
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
