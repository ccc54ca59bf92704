/** Puts the failures of Postgres into the few words that callers act on: busy, unavailable, or refused. */
import { DatabaseError } from 'pg'
import { Fault, isFault } from '../shared/failures.ts'

/** SQLSTATE codes and classes after which the same statement may well succeed a moment later. */
const BUSY_STATES = new Set(['53300', '57014', '55P03', '40001', '40P01'])
/** The server goes down, starts, or is a replica that lost its rights: the connection is of no more use. */
const AWAY_STATES = new Set(['57P01', '57P02', '57P03', '25006', '25P02', '58030', '53100', '53200'])
const AWAY_CLASSES = ['08', '58']
/** A value that this table will never take: data exceptions, violated constraints, and values beyond a limit. */
const VALUE_CLASSES = ['22', '23', '54']

/** A table or a schema is not there: somebody dropped the read models, or nobody has made them yet. */
const MISSING_STATES = new Set(['42P01', '3F000'])
/** A column is not there: the read models that are shown are of another version, until ours have been made. */
const OUTDATED_STATE = '42703'

/**
 * `database-busy` (wait and try again), `database-unavailable` (connection or server lost), `read-models-missing`,
 * `read-models-outdated`, else `database-refused`.
 */
export function asDatabaseFault(error: unknown, doing: string): Fault {
  if (isFault(error)) return error
  if (!(error instanceof DatabaseError) || error.code === undefined) {
    return new Fault('database-unavailable', { doing }, { cause: error })
  }
  const details = { doing, sqlState: error.code }
  if (BUSY_STATES.has(error.code)) return new Fault('database-busy', details, { cause: error })
  if (MISSING_STATES.has(error.code)) return new Fault('read-models-missing', details, { cause: error })
  if (error.code === OUTDATED_STATE) return new Fault('read-models-outdated', details, { cause: error })
  const isAway = AWAY_STATES.has(error.code) || AWAY_CLASSES.includes(error.code.slice(0, 2))
  return new Fault(isAway ? 'database-unavailable' : 'database-refused', details, { cause: error })
}

/** True when Postgres refused what was to be stored: trying again cannot help, leaving out the value can. */
export function isValueRefused(error: unknown): boolean {
  return isFault(error, 'database-refused') && VALUE_CLASSES.includes(String(error.details['sqlState']).slice(0, 2))
}
