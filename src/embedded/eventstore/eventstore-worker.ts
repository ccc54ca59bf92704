/** The embedded event store in a thread of its own, so that the application's pauses do not hold up its appends. */
import { parentPort, workerData } from 'node:worker_threads'
import type { FromWorker, LogLevel, ToWorker, WorkerSettings } from './embedded-messages.ts'
import { type EventStoreServer, startEventStore } from './server.ts'
import { openDurableLog } from './storage/durable-log.ts'
import type { EventLog } from './storage/event-log.ts'
import { openMemoryLog } from './storage/memory-log.ts'
import type { StoreLogger } from './store-logger.ts'

const settings = workerData as WorkerSettings

const tell = (message: FromWorker) => parentPort?.postMessage(message)
const logAt = (level: LogLevel) => (fields: Record<string, unknown>, message: string) =>
  tell({ kind: 'logged', level, fields, message })
const logger: StoreLogger = {
  debug: () => {},
  info: logAt('info'),
  warn: logAt('warn'),
  error: logAt('error'),
}

async function run(): Promise<void> {
  const log = await openLog()
  const { host, port, tls, hasStandardProjections } = settings
  const server = await startEventStore({ log, host, port, ...(tls && { tls }), hasStandardProjections, logger }).catch(
    async (error) => {
      await log.close()
      throw error
    },
  )
  void log.failed.then(async (error) => {
    tell(failureOf(error))
    await stop(server, log)
  })
  parentPort?.on('message', (message: ToWorker) => {
    if (message.kind === 'stop') void stop(server, log)
  })
  tell({ kind: 'started', port: server.port, url: server.url })
}

async function openLog(): Promise<EventLog> {
  const directory = settings.dataDirectory
  return directory === undefined ? openMemoryLog() : openDurableLog({ directory })
}

/** Closing the port to its parent lets the thread end by itself. */
async function stop(server: EventStoreServer, log: EventLog): Promise<void> {
  await server.close()
  await log.close()
  parentPort?.close()
}

/** Errors lose their codes on the way between threads, so these travel beside. */
function failureOf(error: unknown): FromWorker {
  const { message, code } = error as { message?: string; code?: unknown }
  return {
    kind: 'failed',
    message: message ?? String(error),
    code: typeof code === 'string' ? code : 'event-store-failed',
  }
}

run().catch((error: unknown) => {
  tell(failureOf(error))
  parentPort?.close()
})
