/** The messages of PersistentSubscriptions: what is asked, by whichever of the ways clients have to ask it, and the answers. */
import type { GroupKey, GroupSettings, GroupStart } from '../groups/group-settings.ts'
import { ALL } from '../streams/stream-names.ts'
import { MalformedMessage, ProtobufReader } from './protobuf-reader.ts'
import { ProtobufWriter } from './protobuf-writer.ts'
import { type FilterRequest, readFilterOptions, readPosition, readUuidOption } from './read-messages.ts'
import { readStreamIdentifier, readUuid } from './shared-messages.ts'

export interface GroupRequest extends GroupKey {
  readonly settings: GroupSettings
  readonly startFrom: GroupStart
  readonly filter: FilterRequest | undefined
  /** False when `$all` was named as if it were a stream. */
  readonly isOnAll: boolean
}

/** Update asks the same as Create, but for what only Create may say. */
export function decodeGroupRequest(message: Buffer): GroupRequest {
  const reader = optionsOf(message)
  let [stream, group, isOnAll] = ['', '', false]
  let startFrom: GroupStart | undefined
  let filter: FilterRequest | undefined
  let found: SettingsRequest | undefined
  while (reader.next()) {
    if (reader.field === 1) stream = readStreamIdentifier(reader.message())
    else if (reader.field === 2) group = reader.string()
    else if (reader.field === 3) found = readSettings(reader.message())
    else if (reader.field === 4) ({ stream, startFrom } = readStreamOptions(reader.message()))
    else if (reader.field === 5) {
      ;({ startFrom, filter } = readAllOptions(reader.message()))
      stream = ALL
      isOnAll = true
    }
  }
  if (!found) throw new MalformedMessage('a group has no settings')
  return { stream, group, isOnAll, settings: found.settings, startFrom: startFrom ?? found.startFrom, filter }
}

/** Who is meant by delete, info, list and replay. */
export interface GroupTarget {
  readonly group: string
  /** Undefined when neither a stream nor everything is named. */
  readonly stream: string | undefined
}

/** The three requests differ in nothing but field numbers. */
const TARGET_FIELDS = {
  delete: { stream: 1, group: 2, all: 3 },
  info: { stream: 1, all: 2, group: 3 },
} as const

export function decodeTarget(message: Buffer, kind: keyof typeof TARGET_FIELDS): GroupTarget {
  const fields = TARGET_FIELDS[kind]
  const reader = optionsOf(message)
  let group = ''
  let stream: string | undefined
  while (reader.next()) {
    if (reader.field === fields.stream) stream = readStreamIdentifier(reader.message())
    else if (reader.field === fields.group) group = reader.string()
    else if (reader.field === fields.all) stream = ALL
  }
  return { stream, group }
}

/** `stopAt` is undefined when everything is to be replayed. */
export function decodeReplayRequest(message: Buffer): GroupTarget & { readonly stopAt: number | undefined } {
  const reader = optionsOf(message)
  let group = ''
  let stream: string | undefined
  let stopAt: number | undefined
  while (reader.next()) {
    if (reader.field === 1) group = reader.string()
    else if (reader.field === 2) stream = readStreamIdentifier(reader.message())
    else if (reader.field === 3) stream = ALL
    else if (reader.field === 4) stopAt = Number(reader.int64())
  }
  return { stream, group, stopAt }
}

/** The stream whose groups are wanted; undefined for all groups. */
export function decodeListRequest(message: Buffer): string | undefined {
  const reader = optionsOf(message)
  let stream: string | undefined
  while (reader.next()) if (reader.field === 2) stream = readListedStream(reader.message())
  return stream
}

export type ConsumerMessage =
  | (GroupKey & { readonly kind: 'connect'; readonly slots: number; readonly isStructuredId: boolean })
  | { readonly kind: 'ack'; readonly ids: readonly string[] }
  | { readonly kind: 'nack'; readonly ids: readonly string[]; readonly action: number; readonly reason: string }

export const NACK = { unknown: 0, park: 1, retry: 2, skip: 3, stop: 4 } as const

export function decodeConsumerMessage(message: Buffer): ConsumerMessage {
  const reader = new ProtobufReader(message)
  let found: ConsumerMessage | undefined
  while (reader.next()) {
    if (reader.field === 1) found = readConnect(reader.message())
    else if (reader.field === 2) found = { kind: 'ack', ids: readAnswer(reader.message()).ids }
    else if (reader.field === 3) found = { kind: 'nack', ...readAnswer(reader.message()) }
  }
  if (!found) throw new MalformedMessage('a consumer says nothing')
  return found
}

function optionsOf(message: Buffer): ProtobufReader {
  const reader = new ProtobufReader(message)
  let options: ProtobufReader | undefined
  while (reader.next()) if (reader.field === 1) options = reader.message()
  if (!options) throw new MalformedMessage('a request has no options')
  return options
}

function readStreamOptions(reader: ProtobufReader): { stream: string; startFrom: GroupStart } {
  let stream = ''
  let startFrom: GroupStart = 'start'
  while (reader.next()) {
    if (reader.field === 1) stream = readStreamIdentifier(reader.message())
    else if (reader.field === 2) startFrom = revisionOf(reader.uint64())
    else if (reader.field === 3) startFrom = 'start'
    else if (reader.field === 4) startFrom = 'end'
  }
  return { stream, startFrom }
}

function readAllOptions(reader: ProtobufReader): { startFrom: GroupStart; filter: FilterRequest | undefined } {
  let startFrom: GroupStart = 'start'
  let filter: FilterRequest | undefined
  while (reader.next()) {
    if (reader.field === 1) startFrom = revisionOf(readPosition(reader.message()).commit)
    else if (reader.field === 2) startFrom = 'start'
    else if (reader.field === 3) startFrom = 'end'
    else if (reader.field === 4) filter = readFilterOptions(reader.message())
  }
  return { startFrom, filter }
}

const LARGEST_UINT64 = 2n ** 64n - 1n

/** The largest number means the end; others that no number can hold are beyond every end all the same. */
function revisionOf(value: bigint): GroupStart {
  return value === LARGEST_UINT64 ? 'end' : Number(value < SAFE_MAX ? value : SAFE_MAX)
}

const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER)

interface SettingsRequest {
  readonly settings: GroupSettings
  /** From the field that clients used before there were groups on everything. */
  readonly startFrom: GroupStart
}

const STRATEGY_NAMES = ['DispatchToSingle', 'RoundRobin', 'Pinned']
const TICKS_PER_MS = 10_000n

function readSettings(reader: ProtobufReader): SettingsRequest {
  const numbers = new Map<number, number>()
  let startFrom: GroupStart = 'start'
  let strategy: string | undefined
  let [isResolvingLinks, hasExtraStatistics] = [false, false]
  while (reader.next()) {
    const { field } = reader
    if (field === 1) isResolvingLinks = reader.bool()
    else if (field === 2) startFrom = revisionOf(reader.uint64())
    else if (field === 3) hasExtraStatistics = reader.bool()
    // The older fields give times in ticks of 100 ns; the newer ones, 14 and 15, in milliseconds.
    else if (field === 4 || field === 6) numbers.set(field === 4 ? 14 : 15, Number(reader.int64() / TICKS_PER_MS))
    else if (field === 16) strategy = reader.string()
    else if (field <= 15) numbers.set(field, reader.int32())
  }
  const number = (field: number) => numbers.get(field) ?? 0
  const settings: GroupSettings = {
    isResolvingLinks,
    hasExtraStatistics,
    messageTimeoutMs: number(14),
    maxRetryCount: number(5),
    checkpointAfterMs: number(15),
    checkpointCountMin: number(7),
    checkpointCountMax: number(8),
    subscribersMax: number(9),
    liveBufferSize: number(10),
    readBatchSize: number(11),
    historyBufferSize: number(12),
    strategy: strategy || (STRATEGY_NAMES[number(13)] ?? String(number(13))),
  }
  return { settings, startFrom }
}

function readListedStream(reader: ProtobufReader): string | undefined {
  let stream: string | undefined
  while (reader.next()) {
    if (reader.field === 1) stream = readStreamIdentifier(reader.message())
    else if (reader.field === 2) stream = ALL
  }
  return stream
}

function readConnect(reader: ProtobufReader): ConsumerMessage {
  let [stream, group, slots, isStructuredId] = ['', '', 0, true]
  while (reader.next()) {
    if (reader.field === 1) stream = readStreamIdentifier(reader.message())
    else if (reader.field === 2) group = reader.string()
    else if (reader.field === 3) slots = reader.int32()
    else if (reader.field === 4) isStructuredId = readUuidOption(reader.message())
    else if (reader.field === 5) stream = ALL
  }
  return { kind: 'connect', stream, group, slots, isStructuredId }
}

function readAnswer(reader: ProtobufReader): { ids: readonly string[]; action: number; reason: string } {
  const ids: string[] = []
  let [action, reason] = [0, '']
  while (reader.next()) {
    if (reader.field === 2) ids.push(readUuid(reader.message()).toLowerCase())
    else if (reader.field === 3) action = reader.number()
    else if (reader.field === 4) reason = reader.string()
  }
  return { ids, action, reason }
}

export const EMPTY_MESSAGE: Uint8Array = new Uint8Array(0)

/** The first message to a consumer. */
export function encodeGroupConfirmation(id: string): Buffer {
  return new ProtobufWriter().message(2, (confirmation) => confirmation.string(1, id)).finish()
}
