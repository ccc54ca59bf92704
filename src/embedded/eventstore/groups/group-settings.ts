/** What a group is told to do, and which of it cannot be. */
import type { FilterRequest } from '../protocol/read-messages.ts'

/** Where a group begins as it was asked for: a revision, or a position on the wire for a group on everything. */
export type GroupStart = 'start' | 'end' | number

/** All numbers are 32 bits wide, as on the wire, and may be negative where nothing is said against it. */
export interface GroupSettings {
  readonly isResolvingLinks: boolean
  readonly hasExtraStatistics: boolean
  /** Zero: consumers may take for ever. Below: no time at all. */
  readonly messageTimeoutMs: number
  readonly maxRetryCount: number
  readonly checkpointAfterMs: number
  /** Handled events below which no checkpoint is written for time's sake. */
  readonly checkpointCountMin: number
  /** Handled events from which one is written at once. */
  readonly checkpointCountMax: number
  /** Zero and below: any number. */
  readonly subscribersMax: number
  readonly liveBufferSize: number
  readonly readBatchSize: number
  readonly historyBufferSize: number
  readonly strategy: string
}

/** A group's place among the others. `stream` is `$all` for a group on everything. */
export interface GroupKey {
  readonly stream: string
  readonly group: string
}

/** A group as it is kept. */
export interface GroupDefinition extends GroupKey {
  readonly settings: GroupSettings
  readonly startFrom: GroupStart
  /** Where it really begins, resolved once: "the end" must not move while the server is down. */
  readonly beginsAt: number
  /** Only on everything. */
  readonly filter: FilterRequest | undefined
}

export const STRATEGIES = ['DispatchToSingle', 'RoundRobin', 'Pinned', 'PinnedByCorrelation'] as const
export type StrategyName = (typeof STRATEGIES)[number]

/** Says why settings cannot be used; undefined when they can. */
export function refusalOf(settings: GroupSettings): string | undefined {
  if (settings.readBatchSize >= settings.historyBufferSize) return 'the read batch must be below the history buffer'
  if (!STRATEGIES.some((name) => name === settings.strategy))
    return `there is no consumer strategy '${settings.strategy}'`
  return undefined
}

/** No time at all means: never for time's sake. */
export const NEVER_MS = 2 ** 31 - 1

export function checkpointAfterMs(asked: number): number {
  return asked === 0 ? NEVER_MS : asked
}
