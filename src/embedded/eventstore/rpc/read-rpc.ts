/** Streams/Read: reads of a stream or of everything, and subscriptions to both. */
import type { AccessControl } from '../access/access-control.ts'
import {
  decodeReadRequest,
  encodeStreamNotFound,
  type FilterRequest,
  type WirePosition,
} from '../protocol/read-messages.ts'
import { POSITION_STEP } from '../protocol/recorded-event.ts'
import type { LogRecord } from '../storage/event-log.ts'
import { createEventFilter, type EventFilter, UnusableFilter } from '../streams/event-filter.ts'
import type { EventStore } from '../streams/event-store.ts'
import { isMetastream } from '../streams/stream-metadata.ts'
import { ALL, isValidStreamName } from '../streams/stream-names.ts'
import { readAllSlices, readStreamSlices } from '../streams/stream-reader.ts'
import type { RpcHandler } from '../transport/grpc-call.ts'
import { type Reading, type StartPosition, type StartRevision, sendRecords } from './reading.ts'
import { badRequest, streamDeleted } from './rpc-failures.ts'
import { subscribeToAll } from './subscribe-to-all.ts'
import { subscribeToStream } from './subscribe-to-stream.ts'

export function readRpc(store: EventStore, access: AccessControl): RpcHandler {
  return async (call) => {
    const request = decodeReadRequest(await call.request())
    const reading = { store, call, request }
    if (request.source.kind === 'stream') {
      const { stream } = request.source
      if (!isValidStreamName(stream)) throw badRequest(`'${stream}' is not a stream's name`)
      access.authorizeStream(call.principal, isMetastream(stream) ? 'read-metadata' : 'read', stream)
      const from = parseRevision(request.source.from)
      return request.count === undefined ? subscribeToStream(reading, stream, from) : readStream(reading, stream, from)
    }
    access.authorizeStream(call.principal, 'read', ALL)
    const from = parsePosition(request.source.from)
    const filter = request.filter && usableFilter(request.filter)
    return request.count === undefined ? subscribeToAll(reading, from, filter) : readAll(reading, from, filter)
  }
}

const LARGEST_UINT64 = 2n ** 64n - 1n
const LARGEST_INT64 = 2n ** 63n - 1n

function parseRevision(from: 'start' | 'end' | bigint): StartRevision {
  if (typeof from === 'string') return from
  if (from === LARGEST_UINT64) return 'end'
  if (from > LARGEST_INT64) throw badRequest(`${from} is not a revision`)
  return Number(from)
}

function parsePosition(from: 'start' | 'end' | WirePosition): StartPosition {
  if (typeof from === 'string') return from
  if (from.commit === LARGEST_UINT64 && from.prepare === LARGEST_UINT64) return 'end'
  if (from.prepare > from.commit) throw badRequest('a prepare position lies behind its commit position')
  if (from.commit > LARGEST_INT64) throw badRequest(`${from.commit} is not a position`)
  return Number(from.commit)
}

function usableFilter(filter: FilterRequest): EventFilter {
  try {
    return createEventFilter(filter)
  } catch (error) {
    if (error instanceof UnusableFilter) throw badRequest(`unusable filter: ${error.message}`)
    throw error
  }
}

async function readStream({ store, call, request }: Reading, stream: string, start: StartRevision): Promise<void> {
  const { direction } = request
  if (request.count === 0n) throw badRequest('a read must ask for at least one event')
  if (direction === 'forwards' && start === 'end') throw badRequest('nothing can be read forwards from the end')
  const visible = store.visible(stream)
  if (visible.kind === 'deleted') throw streamDeleted(stream)
  if (visible.kind === 'not-found') return call.end(encodeStreamNotFound(stream))
  const from = start === 'start' ? 0 : start === 'end' ? Number.MAX_SAFE_INTEGER : start
  const range = { stream, direction, from, count: Number(request.count), first: visible.first, last: visible.last }
  await sendSlices({ store, call, request }, readStreamSlices(store, range))
}

async function readAll({ store, call, request }: Reading, start: StartPosition, filter: EventFilter | undefined) {
  const { direction } = request
  const end = store.log.durableEnd
  if (direction === 'backwards' && typeof start === 'number' && start > end * POSITION_STEP)
    throw badRequest('the position lies beyond the end')
  const from = direction === 'forwards' ? firstFrom(start, end) : lastBefore(start, end)
  const range = { direction, from, count: Number(request.count), filter }
  await sendSlices({ store, call, request }, readAllSlices(store, range))
}

/** The first position of the log that is not below a position on the wire. */
function firstFrom(start: StartPosition, end: number): number {
  return start === 'start' ? 0 : start === 'end' ? end : Math.ceil(start / POSITION_STEP)
}

/** The last position of the log that is below a position on the wire. */
function lastBefore(start: StartPosition, end: number): number {
  return start === 'start' ? -1 : start === 'end' ? end - 1 : Math.ceil(start / POSITION_STEP) - 1
}

async function sendSlices(
  reading: Pick<Reading, 'store' | 'call' | 'request'>,
  slices: Iterable<readonly LogRecord[]>,
) {
  reading.call.begin()
  for (const slice of slices) {
    sendRecords(reading, slice)
    if (!(await reading.call.writable())) return
    await new Promise(setImmediate) // Others come in between two slices.
  }
  reading.call.end()
}
