/** Keeps the definitions of all groups in one system stream, whole with every change. */
import { randomUUID } from 'node:crypto'
import { decodeContent } from '../protocol/recorded-event.ts'
import type { EventStore } from '../streams/event-store.ts'
import type { GroupDefinition, GroupSettings, GroupStart } from './group-settings.ts'

const CONFIG_STREAM = '$persistentSubscriptionConfig'
const CONFIG_TYPE = '$PersistentConfig'
const NO_BYTES = new Uint8Array(0)

/** Resolves when it is durable. */
export function saveGroups(
  store: EventStore,
  definitions: readonly GroupDefinition[],
  updatedBy: string,
): Promise<void> {
  const config = { version: '2', updated: new Date().toISOString(), updatedBy, entries: definitions }
  const data = Buffer.from(JSON.stringify(config))
  return store.appendOwn(CONFIG_STREAM, [
    { id: randomUUID(), type: CONFIG_TYPE, isJson: true, data, metadata: NO_BYTES },
  ])
}

/** What was saved last. Entries that are not what they should be are left out and counted. */
export function loadGroups(store: EventStore): { definitions: GroupDefinition[]; unreadable: number } {
  const record = store.visibleEvent(CONFIG_STREAM, -1)
  const entries = record ? entriesOf(decodeContent(record.body).data) : []
  const definitions = entries.filter(isDefinition)
  return { definitions, unreadable: entries.length - definitions.length }
}

function entriesOf(data: Buffer): readonly unknown[] {
  try {
    const config = JSON.parse(data.toString('utf8')) as { readonly entries?: unknown } | null
    return Array.isArray(config?.entries) ? config.entries : []
  } catch {
    return []
  }
}

const NUMBERS = [
  'messageTimeoutMs',
  'maxRetryCount',
  'checkpointAfterMs',
  'checkpointCountMin',
  'checkpointCountMax',
  'subscribersMax',
  'liveBufferSize',
  'readBatchSize',
  'historyBufferSize',
] as const satisfies readonly (keyof GroupSettings)[]

function isDefinition(entry: unknown): entry is GroupDefinition {
  if (typeof entry !== 'object' || entry === null) return false
  const { stream, group, settings, startFrom, beginsAt, filter } = entry as Partial<GroupDefinition>
  if (typeof stream !== 'string' || typeof group !== 'string' || !isStart(startFrom)) return false
  if (!Number.isSafeInteger(beginsAt) || typeof settings !== 'object' || settings === null) return false
  if (filter !== undefined && typeof filter !== 'object') return false
  return typeof settings.strategy === 'string' && NUMBERS.every((name) => Number.isSafeInteger(settings[name]))
}

function isStart(value: unknown): value is GroupStart {
  return value === 'start' || value === 'end' || Number.isSafeInteger(value)
}
