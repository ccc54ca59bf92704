/** Failure has three kinds: a refusal is a value, a fault is thrown, a bug is an assertion (see assert.ts). */

/** The rules say no. Returned, never thrown; `code` is explained in docs/errors.md. */
export interface Refusal {
  readonly kind: 'refusal'
  readonly code: string
  readonly detail?: string
}

export function refusal(code: string, detail?: string): Refusal {
  return detail === undefined ? { kind: 'refusal', code } : { kind: 'refusal', code, detail }
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'refusal'
}

/** The world failed. Says what we were doing and keeps its cause without repeating it; `code` is explained in docs/errors.md. */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: string, details: Readonly<Record<string, unknown>> = {}, options: { cause?: unknown } = {}) {
    super(describe(code, details), options)
    this.code = code
    this.details = details
  }
}

export function isFault(error: unknown, code?: string): error is Fault {
  return error instanceof Fault && (code === undefined || error.code === code)
}

function describe(code: string, details: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(details).map(([name, value]) => `${name}=${String(value)}`)
  return shown.length === 0 ? code : `${code} (${shown.join(', ')})`
}
