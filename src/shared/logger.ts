/** What the code needs of a logger; `main` fills it with pino. Fields first, then a short sentence without a message's text. */

type LogLine = (fields: Record<string, unknown>, message: string) => void

export interface Logger {
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
}

export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
