/** Settings of a group as the official client makes them when told nothing, but for what a test is about. */
import type { GroupSettings } from '../../../../src/embedded/eventstore/groups/group-settings.ts'

export function settingsWith(changes: Partial<GroupSettings> = {}): GroupSettings {
  return {
    isResolvingLinks: false,
    hasExtraStatistics: false,
    messageTimeoutMs: 30_000,
    maxRetryCount: 10,
    checkpointAfterMs: 2_000,
    checkpointCountMin: 10,
    checkpointCountMax: 1_000,
    subscribersMax: 0,
    liveBufferSize: 500,
    readBatchSize: 20,
    historyBufferSize: 500,
    strategy: 'RoundRobin',
    ...changes,
  }
}
