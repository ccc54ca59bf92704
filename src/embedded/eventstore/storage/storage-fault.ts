/** Tells what went wrong with the stored log, and where, in words an operator can act on. */

export type StorageFaultCode =
  /** Another process holds the directory. */
  | 'directory-in-use'
  /** It cannot be made, or not be written to. */
  | 'data-directory-unusable'
  /** The directory holds something that is no log of ours, or of a format we do not know. */
  | 'directory-not-a-log'
  /** A backup goes only into an empty place. */
  | 'directory-not-empty'
  /** Bytes that were once durable are no longer what they were. Names file, offset and position. */
  | 'log-damaged'
  /** A write or a sync failed: nothing was acknowledged, and the log must be opened again. */
  | 'log-not-written'
  /** Writers are far ahead of the disk; the caller should have slowed down. */
  | 'log-overloaded'
  | 'log-closed'

/** The disk or the directory failed us. `code` is stable; `details` are for the log line and the message. */
export class StorageFault extends Error {
  override readonly name = 'StorageFault'
  readonly code: StorageFaultCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: StorageFaultCode,
    details: Readonly<Record<string, unknown>> = {},
    options: { cause?: unknown } = {},
  ) {
    super(describe(code, details, options.cause), options)
    this.code = code
    this.details = details
  }
}

const SENTENCES: Readonly<Record<StorageFaultCode, string>> = {
  'directory-in-use': 'another process works on this event store directory',
  'data-directory-unusable': 'the event store cannot use this directory',
  'directory-not-a-log': 'this directory does not hold an event store of a known format',
  'directory-not-empty': 'the target directory is not empty',
  'log-damaged': 'the event log is damaged; nothing was changed, restore it from a backup',
  'log-not-written': 'the event log could not be written; nothing of this was acknowledged',
  'log-overloaded': 'too much waits to be written',
  'log-closed': 'the event log is closed',
}

function describe(code: StorageFaultCode, details: Readonly<Record<string, unknown>>, cause: unknown): string {
  const shown = Object.entries(details).map(([name, value]) => `${name}=${String(value)}`)
  const because = cause instanceof Error ? `: ${cause.message}` : ''
  return `${SENTENCES[code]}${shown.length === 0 ? '' : ` (${shown.join(', ')})`}${because}`
}

export function isStorageFault(error: unknown, code?: StorageFaultCode): error is StorageFault {
  return error instanceof StorageFault && (code === undefined || error.code === code)
}
