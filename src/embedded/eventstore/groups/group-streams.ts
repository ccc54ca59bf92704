/** The streams in which a group keeps what must survive: how far it has come, and the events nobody could handle. */
import { randomUUID } from 'node:crypto'
import { LIMITS } from '../limits.ts'
import { decodeContent, type ProposedEvent } from '../protocol/recorded-event.ts'
import type { LogRecord } from '../storage/event-log.ts'
import type { EventStore, WriteOutcome } from '../streams/event-store.ts'
import { EXPECT } from '../streams/expected-revision.ts'
import { LINK_TYPE } from '../streams/link-resolver.ts'
import { METADATA_TYPE, metastreamOf, undeletion } from '../streams/stream-metadata.ts'
import type { GroupKey } from './group-settings.ts'

const CHECKPOINT_TYPE = 'SubscriptionCheckpoint'
const NO_BYTES = new Uint8Array(0)

const PREFIX = '$persistentsubscription-'
export const checkpointStreamOf = ({ stream, group }: GroupKey) => `${PREFIX}${stream}::${group}-checkpoint`
export const parkedStreamOf = ({ stream, group }: GroupKey) => `${PREFIX}${stream}::${group}-parked`

const isParkedStream = (stream: string) => stream.startsWith(PREFIX) && stream.endsWith('-parked')

/** True for what groups write about their own progress. */
export function isCheckpoint({ stream, type }: Pick<LogRecord, 'stream' | 'type'>): boolean {
  return type === CHECKPOINT_TYPE && stream.startsWith(PREFIX)
}

/** The last checkpoint as it was written; undefined while there is none. */
export function readCheckpoint(store: EventStore, key: GroupKey): string | undefined {
  const record = store.visibleEvent(checkpointStreamOf(key), -1)
  if (!record || record.type !== CHECKPOINT_TYPE) return undefined
  const place = parseJson(decodeContent(record.body).data)
  return place === undefined ? undefined : String(place)
}

/** Resolves when it is durable. */
export function writeCheckpoint(store: EventStore, key: GroupKey, place: string): Promise<void> {
  const data = Buffer.from(JSON.stringify(place))
  return written(store.append(checkpointStreamOf(key), EXPECT.any, [proposed(CHECKPOINT_TYPE, true, data)]))
}

export interface Parking {
  /** What was read; a link where there is one. */
  readonly original: LogRecord
  /** What it stands for, when that can be seen. */
  readonly event: LogRecord | undefined
  readonly reason: string
  readonly nowMs: number
}

/** Parks an event as a link to it. Resolves when that is durable: only then may the event count as dealt with. */
export function park(store: EventStore, key: GroupKey, { original, event, reason, nowMs }: Parking): Promise<void> {
  const target = event ?? original
  const metadata = {
    added: new Date(nowMs).toISOString(),
    reason: reason.slice(0, LIMITS.parkReasonCharactersMax),
    subscriptionEventNumber: original.revision,
  }
  const link = proposed(LINK_TYPE, false, Buffer.from(`${target.revision}@${target.stream}`), metadata)
  return written(store.append(parkedStreamOf(key), EXPECT.any, [link]))
}

/** Parked messages that were asked back, from a revision on and before another, and not all answered yet. */
export interface UnansweredReplay {
  readonly from: number
  readonly end: number
}

/**
 * Hides the parked messages before a revision, as they are being replayed. Which of them are not answered yet is noted
 * beside, so that a server that dies meanwhile hands them out again. Resolves when that is durable.
 */
export function hideParked(store: EventStore, key: GroupKey, end: number, unansweredFrom?: number): Promise<void> {
  const metastream = metastreamOf(parkedStreamOf(key))
  const current = store.visibleEvent(metastream, -1)
  const data = undeletion(current && decodeContent(current.body), end)
  const note = unansweredFrom === undefined ? undefined : { replayFrom: unansweredFrom, replayEnd: end }
  return written(store.append(metastream, EXPECT.any, [proposed(METADATA_TYPE, true, data, note)]))
}

/** What an earlier life of the server was replaying when it ended. */
export function readUnansweredReplay(store: EventStore, parkedStream: string): UnansweredReplay | undefined {
  if (!isParkedStream(parkedStream)) return undefined
  const record = store.visibleEvent(metastreamOf(parkedStream), -1)
  const note = record && parseJson(decodeContent(record.body).metadata)
  if (!isObject(note)) return undefined
  const { replayFrom, replayEnd } = note
  if (!Number.isSafeInteger(replayFrom) || !Number.isSafeInteger(replayEnd)) return undefined
  return { from: replayFrom as number, end: replayEnd as number }
}

/** Deletes what the group has kept, as far as nobody has before. Resolves when that is durable. */
export async function deleteGroupStreams(store: EventStore, key: GroupKey): Promise<void> {
  for (const stream of [checkpointStreamOf(key), parkedStreamOf(key)]) {
    const outcome = store.delete(stream, EXPECT.any)
    if (outcome.kind === 'done') await outcome.durable
  }
}

/** Somebody may have closed such a stream for ever, and then nothing can be kept in it. */
async function written(outcome: WriteOutcome): Promise<void> {
  if (outcome.kind !== 'done') throw new Error(`the group's own stream refuses to be written: ${outcome.kind}`)
  await outcome.durable
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function proposed(type: string, isJson: boolean, data: Uint8Array, metadata?: object): ProposedEvent {
  const metadataBytes = metadata ? Buffer.from(JSON.stringify(metadata)) : NO_BYTES
  return { id: randomUUID(), type, isJson, data, metadata: metadataBytes }
}
