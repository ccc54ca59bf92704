/** Where in the record a command begins: an ISO time or a position of the log, as people type it. */
import { Fault } from '../shared/failures.ts'
import { type Position, parsePosition } from '../shared/ids.ts'

export interface LogRange {
  /** Events after this position. */
  readonly after?: Position
  /** Events of this time or later. */
  readonly since?: Date
}

/** Undefined means the whole record. Throws `argument-invalid` when it is neither. */
export function logRangeOf(since: string | undefined): LogRange {
  if (since === undefined) return {}
  const position = parsePosition(since)
  if (position !== undefined) return { after: position }
  const time = new Date(since)
  if (!/^\d{4}-/.test(since) || Number.isNaN(time.getTime())) throw new Fault('argument-invalid', { since })
  return { since: time }
}
