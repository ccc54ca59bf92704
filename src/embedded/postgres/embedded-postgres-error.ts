/** What can go wrong with the embedded server has a code and a sentence that says what to do; the sentences name no secrets. */

/** Every code that `EmbeddedPostgresError` can carry; docs/embedded-postgres.md explains each. */
export const embeddedPostgresErrorCodes = [
  'embedded-postgres-bad-option',
  'embedded-postgres-binary-not-runnable',
  'embedded-postgres-directory-in-use',
  'embedded-postgres-directory-not-writable',
  'embedded-postgres-disk-full',
  'embedded-postgres-not-a-cluster',
  'embedded-postgres-not-installed',
  'embedded-postgres-not-ready',
  'embedded-postgres-platform-unsupported',
  'embedded-postgres-port-in-use',
  'embedded-postgres-setup-failed',
  'embedded-postgres-start-failed',
  'embedded-postgres-stop-failed',
  'embedded-postgres-stopped',
  'embedded-postgres-user-unusable',
  'embedded-postgres-version-mismatch',
] as const

export type EmbeddedPostgresErrorCode = (typeof embeddedPostgresErrorCodes)[number]

/** The embedded server could not do what was asked. `message` is meant for a person and complete without the stack. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
  readonly code: EmbeddedPostgresErrorCode

  constructor(code: EmbeddedPostgresErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.code = code
  }
}
