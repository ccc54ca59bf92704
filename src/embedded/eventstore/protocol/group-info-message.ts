/** The message that describes a group: as it was made, how far it has come, and who consumes it. */
import type { GroupConsumer } from '../groups/group-consumer.ts'
import type { GroupDefinition, GroupStart } from '../groups/group-settings.ts'
import { checkpointAfterMs } from '../groups/group-settings.ts'
import type { SubscriptionGroup } from '../groups/subscription-group.ts'
import { ALL } from '../streams/stream-names.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

/** GetInfoResp and ListResp hold descriptions in the same field. */
export function encodeGroupInfos(groups: readonly SubscriptionGroup[], nowMs: number): Buffer {
  const writer = new ProtobufWriter(groups.length * 512 + 64)
  for (const group of groups) writer.message(1, (info) => writeInfo(info, group, nowMs))
  return writer.finish()
}

function writeInfo(info: ProtobufWriter, group: SubscriptionGroup, nowMs: number): void {
  const { definition, consumers, items, state } = group
  const { settings } = definition
  info.string(1, definition.stream).string(2, definition.group).string(3, state.status)
  for (const consumer of consumers) info.message(4, (connection) => writeConnection(connection, consumer, nowMs))
  info
    .int(5, items.perSecond(nowMs))
    .int(6, items.total)
    .int(7, items.sinceLastMeasurement())
    .string(8, state.lastCheckpointed)
    .string(9, state.lastKnown)
    .bool(10, settings.isResolvingLinks)
    .string(11, formatStart(definition))
    .int(12, settings.messageTimeoutMs)
    .bool(13, settings.hasExtraStatistics)
    .int(14, settings.maxRetryCount)
    .int(15, settings.liveBufferSize)
    .int(16, settings.historyBufferSize)
    .int(17, settings.readBatchSize)
    .int(18, checkpointAfterMs(settings.checkpointAfterMs))
    .int(19, settings.checkpointCountMin)
    .int(20, settings.checkpointCountMax)
    .int(21, state.readBufferCount)
    .int(22, state.liveBufferCount)
    .int(23, state.retryBufferCount)
    .int(24, state.inFlightCount)
    .int(25, state.inFlightCount)
    .string(26, settings.strategy)
    .int(27, settings.subscribersMax)
    .int(28, state.parkedCount)
}

function writeConnection(connection: ProtobufWriter, consumer: GroupConsumer, nowMs: number): void {
  const { identity, items, latencies, slots, inFlight } = consumer
  connection
    .string(2, identity.username)
    .int(3, items.perSecond(nowMs))
    .int(4, items.total)
    .int(5, items.sinceLastMeasurement())
  for (const [key, ms] of latencies ?? []) connection.message(6, (measurement) => measurement.string(1, key).int(2, ms))
  connection
    .int(7, slots - inFlight.size)
    .int(8, inFlight.size)
    .string(9, identity.connectionName)
}

/** "The end" is -1 here, in both spellings. */
function formatStart({ stream, startFrom }: GroupDefinition): string {
  const place = numberOf(startFrom)
  return stream === ALL ? `C:${place}/P:${place}` : String(place)
}

function numberOf(start: GroupStart): number {
  if (start === 'start') return 0
  return start === 'end' ? -1 : start
}
