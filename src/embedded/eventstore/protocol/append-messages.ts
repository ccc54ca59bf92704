/** The messages of Streams/Append, BatchAppend, Delete and Tombstone. */
import { EXPECT, type ExpectedRevision } from '../streams/expected-revision.ts'
import { MalformedMessage, ProtobufReader } from './protobuf-reader.ts'
import { ProtobufWriter } from './protobuf-writer.ts'
import { POSITION_STEP, type ProposedEvent } from './recorded-event.ts'
import {
  canonicalUuid,
  readMapEntry,
  readStreamIdentifier,
  readTimestampMs,
  readUuid,
  type StatusMessage,
  writeStatus,
  writeStreamIdentifier,
  writeUuid,
} from './shared-messages.ts'

/** Which stream is meant, and what is expected of it. */
export interface WriteTarget {
  readonly stream: string
  readonly expected: ExpectedRevision
}

export interface BatchOptions extends WriteTarget {
  /** Milliseconds since the epoch; undefined when the client sets none. */
  readonly deadlineMs: number | undefined
}

export interface BatchChunk {
  readonly correlationId: string
  /** Only in the first chunk of a batch. */
  readonly options: BatchOptions | undefined
  readonly events: readonly EventProposal[]
  readonly isFinal: boolean
}

/** An event as it came: not yet checked. */
export interface EventProposal {
  readonly id: string
  readonly type: string | undefined
  readonly contentType: string | undefined
  readonly data: Buffer
  readonly metadata: Buffer
}

const EMPTY = Buffer.alloc(0)
const LARGEST_UINT64 = 2n ** 64n - 1n

/** Says what is wrong with an event's id or type, or gives the event as it will be stored. */
export function checkProposal(proposal: EventProposal): ProposedEvent | string {
  const id = canonicalUuid(proposal.id)
  if (!id) return 'an event id is missing or not a UUID'
  if (!proposal.type) return 'an event has no type'
  if (proposal.contentType === undefined) return 'an event has no content type'
  const isJson = proposal.contentType === 'application/json'
  return { id, type: proposal.type, isJson, data: proposal.data, metadata: proposal.metadata }
}

export function decodeAppendRequest(message: Buffer): { target: WriteTarget } | { event: EventProposal } {
  const reader = new ProtobufReader(message)
  while (reader.next()) {
    if (reader.field === 1) return { target: readTarget(reader.message()) }
    if (reader.field === 2) return { event: readProposal(reader.message()) }
  }
  throw new MalformedMessage('an append request is empty')
}

export function decodeBatchChunk(message: Buffer): BatchChunk {
  const reader = new ProtobufReader(message)
  let correlationId = ''
  let options: BatchOptions | undefined
  const events: EventProposal[] = []
  let isFinal = false
  while (reader.next()) {
    if (reader.field === 1) correlationId = readUuid(reader.message())
    else if (reader.field === 2) options = readTarget(reader.message())
    else if (reader.field === 3) events.push(readProposal(reader.message()))
    else if (reader.field === 4) isFinal = reader.bool()
  }
  return { correlationId, options, events, isFinal }
}

/** Delete and Tombstone take the same options in the same place. */
export function decodeDeleteRequest(message: Buffer): WriteTarget {
  const reader = new ProtobufReader(message)
  let target: WriteTarget | undefined
  while (reader.next()) if (reader.field === 1) target = readTarget(reader.message())
  if (!target) throw new MalformedMessage('a deletion has no options')
  return target
}

/** All four calls number their options alike; the deadline exists in batches only. */
function readTarget(reader: ProtobufReader): BatchOptions {
  let stream = ''
  let expected: ExpectedRevision = EXPECT.any
  let deadlineMs: number | undefined
  while (reader.next()) {
    if (reader.field === 1) stream = readStreamIdentifier(reader.message())
    else if (reader.field === 2) expected = exact(reader.uint64())
    else if (reader.field === 3) expected = EXPECT.noStream
    else if (reader.field === 4) expected = EXPECT.any
    else if (reader.field === 5) expected = EXPECT.exists
    else if (reader.field === 6) deadlineMs = readTimestampMs(reader.message())
    else if (reader.field === 7) deadlineMs = Date.now() + readTimestampMs(reader.message())
  }
  return { stream, expected, deadlineMs }
}

/** The largest 64-bit number is the protocol's other way to say "no stream". */
function exact(revision: bigint): ExpectedRevision {
  if (revision === LARGEST_UINT64) return EXPECT.noStream
  return revision <= Number.MAX_SAFE_INTEGER ? Number(revision) : revision
}

function readProposal(reader: ProtobufReader): EventProposal {
  let id = ''
  let type: string | undefined
  let contentType: string | undefined
  let [data, metadata]: [Buffer, Buffer] = [EMPTY, EMPTY]
  while (reader.next()) {
    if (reader.field === 1) id = readUuid(reader.message())
    else if (reader.field === 2) {
      const [key, value] = readMapEntry(reader.message())
      if (key === 'type') type = value
      else if (key === 'content-type') contentType = value
    } else if (reader.field === 3) metadata = reader.bytes()
    else if (reader.field === 4) data = reader.bytes()
  }
  return { id, type, contentType, data, metadata }
}

/** A write that succeeded. `position` is the log's own. */
export interface WriteReceipt {
  readonly revision: number
  readonly position: number | undefined
}

/** Field numbers of AppendResp.Success: current revision 1, no stream 2, position 3, no position 4. */
function writeReceipt(writer: ProtobufWriter, { revision, position }: WriteReceipt): void {
  writer.uint(1, Math.max(0, revision))
  if (position === undefined) writer.message(4)
  else writer.message(3, (place) => place.uint(1, position * POSITION_STEP).uint(2, position * POSITION_STEP))
}

export function encodeAppendSuccess(receipt: WriteReceipt): Buffer {
  return new ProtobufWriter(32).message(1, (success) => writeReceipt(success, receipt)).finish()
}

export function encodeAppendWrongRevision(expected: ExpectedRevision, current: number): Buffer {
  return new ProtobufWriter(32)
    .message(2, (wrong) => {
      if (current < 0) wrong.message(7)
      else wrong.uint(6, current)
      if (expected === EXPECT.any) wrong.message(9)
      else if (expected === EXPECT.exists) wrong.message(10)
      else if (expected === EXPECT.noStream) wrong.message(11)
      else wrong.uint(8, expected)
    })
    .finish()
}

/** DeleteResp and TombstoneResp are alike. */
export function encodeDeleteResponse(position: number): Buffer {
  const wire = position * POSITION_STEP
  return new ProtobufWriter(32).message(1, (place) => place.uint(1, wire).uint(2, wire)).finish()
}

/** Why a batch was not appended, in the words of google.rpc.Status and its detail. */
export type BatchFailure =
  | { readonly kind: 'wrong-revision'; readonly currentRevision: number }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'access-denied' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'too-large'; readonly bytesMax: number }
  | { readonly kind: 'unknown'; readonly message: string }

export function encodeBatchSuccess(correlationId: string, target: WriteTarget, receipt: WriteReceipt): Buffer {
  const writer = new ProtobufWriter(192)
  writeUuid(writer, 1, correlationId)
  writer.message(3, (success) => writeReceipt(success, receipt))
  writeEcho(writer, target)
  return writer.finish()
}

export function encodeBatchFailure(correlationId: string, target: WriteTarget, failure: BatchFailure): Buffer {
  const writer = new ProtobufWriter(256)
  writeUuid(writer, 1, correlationId)
  writeStatus(writer, 2, statusOf(target, failure))
  writeEcho(writer, target)
  return writer.finish()
}

/** Every reply names the stream and what was expected of it: the client counts on it. */
function writeEcho(writer: ProtobufWriter, { stream, expected }: WriteTarget): void {
  writeStreamIdentifier(writer, 4, stream)
  if (expected === EXPECT.noStream) writer.message(6)
  else if (expected === EXPECT.any) writer.message(7)
  else if (expected === EXPECT.exists) writer.message(8)
  else writer.uint(5, expected)
}

// Codes of google.rpc.Code.
const CODE = {
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  permissionDenied: 7,
  failedPrecondition: 9,
} as const

function statusOf({ stream, expected }: WriteTarget, failure: BatchFailure): StatusMessage {
  switch (failure.kind) {
    case 'wrong-revision':
      return {
        code: CODE.failedPrecondition,
        message: 'wrong expected version',
        detail: 'WrongExpectedVersion',
        fill: (detail) => writeWrongRevision(detail, expected, failure.currentRevision),
      }
    case 'deleted':
      return {
        code: CODE.failedPrecondition,
        message: 'stream deleted',
        detail: 'StreamDeleted',
        fill: (detail) => writeStreamIdentifier(detail, 1, stream),
      }
    case 'access-denied':
      return { code: CODE.permissionDenied, message: 'access denied', detail: 'AccessDenied' }
    case 'timeout':
      return { code: CODE.deadlineExceeded, message: 'timeout', detail: 'Timeout' }
    case 'too-large':
      return {
        code: CODE.invalidArgument,
        message: 'maximum append size exceeded',
        detail: 'MaximumAppendSizeExceeded',
        fill: (detail) => detail.uint(1, failure.bytesMax),
      }
    case 'unknown':
      return { code: CODE.unknown, message: failure.message, detail: 'Unknown' }
  }
}

function writeWrongRevision(detail: ProtobufWriter, expected: ExpectedRevision, current: number): void {
  if (current < 0) detail.message(2)
  else detail.uint(1, current)
  if (expected === EXPECT.any) detail.message(4)
  else if (expected === EXPECT.exists) detail.message(5)
  else if (expected === EXPECT.noStream) detail.message(6)
  else detail.uint(3, expected)
}
