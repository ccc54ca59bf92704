/** Logs lines of JSON on standard error, fields first; a message's text is never among them. */
import { pino } from 'pino'
import type { Config } from '../config.ts'
import type { Logger } from '../shared/logger.ts'

export function createLogger(level: Config['LOG_LEVEL']): Logger {
  const lines = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  )
  return {
    debug: (fields, message) => lines.debug(fields, message),
    info: (fields, message) => lines.info(fields, message),
    warn: (fields, message) => lines.warn(fields, message),
    error: (fields, message) => lines.error(fields, message),
  }
}
