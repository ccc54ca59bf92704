/** Starts an event store inside the program that uses it: in a worker thread, which cannot outlive the program. */
import { Worker } from 'node:worker_threads'
import type { FromWorker, ToWorker, WorkerSettings } from './embedded-messages.ts'
import { type StoreLogger, silentLogger } from './store-logger.ts'
import type { TlsIdentity } from './transport/port-listener.ts'

/** Where the events live: a directory, which is made if need be, or memory alone. */
export type EmbeddedStorage =
  | { readonly dataDirectory: string; readonly inMemory?: false }
  | { readonly inMemory: true; readonly dataDirectory?: undefined }

export type EmbeddedEventStoreOptions = EmbeddedStorage & {
  /** With it connections are encrypted and callers sign in; without it everybody on this machine may do everything. */
  readonly tls?: TlsIdentity
  /** Keeps `$ce-`, `$et-` and the other link streams of the standard projections. */
  readonly hasStandardProjections?: boolean
  /** Loopback by default, and nothing else without TLS. */
  readonly host?: string
  /** 0, the default, takes a free port. */
  readonly port?: number
  readonly logger?: StoreLogger
}

export interface EmbeddedEventStore {
  /** For the official clients, such as `esdb://127.0.0.1:2113?tls=false`. */
  readonly connectionString: string
  readonly port: number
  /** Resolves with the cause when the store dies without having been asked to; never otherwise. */
  readonly failed: Promise<Error>
  /** Ends open calls, waits for what is being written, and frees port and directory. Repeatable. */
  stop(): Promise<void>
}

/** Why the store did not start or did not go on; `code` is the operating system's (`EADDRINUSE`) or the storage's own. */
export class EventStoreFailure extends Error {
  override readonly name = 'EventStoreFailure'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Messages live briefly: more room for the young only makes the thread larger (80 MB after 280,000 appends), not faster. */
const YOUNG_GENERATION_MIB = 48

/** Time for a stop before the thread is ended by force. */
const STOP_MS_MAX = 10_000

/** Resolves when clients can connect; rejects with the cause when it cannot start (port in use, directory in use …). */
export async function startEmbeddedEventStore(options: EmbeddedEventStoreOptions): Promise<EmbeddedEventStore> {
  const settings: WorkerSettings = {
    dataDirectory: options.inMemory ? undefined : options.dataDirectory,
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    tls: options.tls,
    hasStandardProjections: options.hasStandardProjections ?? false,
  }
  const worker = new Worker(new URL('./eventstore-worker.ts', import.meta.url), {
    workerData: settings,
    name: 'event-store',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
  })
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  const logger = options.logger ?? silentLogger
  let isStopping = false
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<Error>((resolve) => {
    fail = resolve
  })
  const started = new Promise<{ port: number; url: string }>((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'logged') logger[message.level](message.fields, message.message)
      else if (message.kind === 'started') resolve(message)
      else end(new EventStoreFailure(message.code, message.message))
    })
    worker.on('error', (error) => end(new EventStoreFailure('event-store-crashed', String(error))))
    worker.on('exit', (code) => {
      const error = new EventStoreFailure('event-store-ended', `the event store's thread ended with code ${code}`)
      if (isStopping) reject(error)
      else end(error)
    })
    const end = (error: Error) => {
      reject(error)
      fail(error)
    }
  })
  const { port, url } = await started
  const stop = async () => {
    isStopping = true
    worker.postMessage({ kind: 'stop' } satisfies ToWorker)
    const giveUp = setTimeout(() => void worker.terminate(), STOP_MS_MAX)
    await exited
    clearTimeout(giveUp)
  }
  let stopping: Promise<void> | undefined
  return {
    connectionString: url,
    port,
    failed,
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}
