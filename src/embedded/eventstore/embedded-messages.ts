/** What the worker and whoever started it say to each other. */
import type { TlsIdentity } from './transport/port-listener.ts'

/** Given to the worker when it starts. */
export interface WorkerSettings {
  /** Undefined keeps everything in memory. */
  readonly dataDirectory: string | undefined
  readonly host: string
  readonly port: number
  readonly tls: TlsIdentity | undefined
  readonly hasStandardProjections: boolean
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type FromWorker =
  | { readonly kind: 'started'; readonly port: number; readonly url: string }
  /** It could not start, or it can no longer write. */
  | { readonly kind: 'failed'; readonly message: string; readonly code: string }
  | {
      readonly kind: 'logged'
      readonly level: LogLevel
      readonly fields: Record<string, unknown>
      readonly message: string
    }

export type ToWorker = { readonly kind: 'stop' }
