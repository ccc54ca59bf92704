/** What reads and subscriptions have in common: what was asked for, and how records go out. */
import { encodeEventFrames, type OutgoingEvent, type ReadRequest } from '../protocol/read-messages.ts'
import { POSITION_STEP } from '../protocol/recorded-event.ts'
import type { LogRecord } from '../storage/event-log.ts'
import type { EventStore } from '../streams/event-store.ts'
import { plain, resolveLink } from '../streams/link-resolver.ts'
import type { GrpcCall } from '../transport/grpc-call.ts'

/** What every kind of reading needs. */
export interface Reading {
  readonly store: EventStore
  readonly call: GrpcCall
  readonly request: ReadRequest
}

/** A revision to begin at; the largest 64-bit number means the end. */
export type StartRevision = number | 'start' | 'end'

/** A position to begin at, as it is on the wire: it may lie between two events. */
export type StartPosition = number | 'start' | 'end'

/** Sends records as the request wants them: links followed or not, ids in either form. */
export function sendRecords({ store, call, request }: Reading, records: readonly LogRecord[]): void {
  if (records.length === 0) return
  const outgoing = records.map((record) => toOutgoing(store, record, request.resolveLinks))
  call.sendFrames(encodeEventFrames(outgoing, request.isStructuredId))
}

function toOutgoing(store: EventStore, record: LogRecord, isResolving: boolean): OutgoingEvent {
  const { event, link } = isResolving ? resolveLink(store, record) : plain(record)
  return { event: event?.body, link: link?.body, position: record.position * POSITION_STEP }
}
