/** The few lines the event store says; whoever starts it decides where they go. */
export interface StoreLogger {
  debug(fields: Record<string, unknown>, message: string): void
  info(fields: Record<string, unknown>, message: string): void
  warn(fields: Record<string, unknown>, message: string): void
  error(fields: Record<string, unknown>, message: string): void
}

const nothing = () => {}

export const silentLogger: StoreLogger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
