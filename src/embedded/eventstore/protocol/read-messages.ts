/** The messages of Streams/Read: what is asked for, and the replies in the form they travel in. */
import { FRAME_HEADER_BYTES, putFrameHeader } from '../transport/grpc-framing.ts'
import { MalformedMessage, ProtobufReader } from './protobuf-reader.ts'
import { ProtobufWriter, putVarint, varintBytes } from './protobuf-writer.ts'
import { withStructuredId } from './recorded-event.ts'
import { readStreamIdentifier, writeStreamIdentifier } from './shared-messages.ts'

/** A position as clients give it. */
export interface WirePosition {
  readonly commit: bigint
  readonly prepare: bigint
}

export interface FilterRequest {
  readonly on: 'stream' | 'type'
  readonly prefixes: readonly string[]
  readonly regex: string
  /** Undefined for the server's default. */
  readonly window: number | undefined
  readonly checkpointInterval: number
}

export interface ReadRequest {
  readonly source:
    | { readonly kind: 'stream'; readonly stream: string; readonly from: 'start' | 'end' | bigint }
    | { readonly kind: 'all'; readonly from: 'start' | 'end' | WirePosition }
  readonly direction: 'forwards' | 'backwards'
  readonly resolveLinks: boolean
  /** Undefined for a subscription. */
  readonly count: bigint | undefined
  readonly filter: FilterRequest | undefined
  readonly isStructuredId: boolean
}

type Changing<Type> = { -readonly [Key in keyof Type]: Type[Key] }

export function decodeReadRequest(message: Buffer): ReadRequest {
  const reader = new ProtobufReader(message)
  let request: ReadRequest | undefined
  while (reader.next()) if (reader.field === 1) request = readOptions(reader.message())
  if (!request) throw new MalformedMessage('a read has no options')
  return request
}

function readOptions(reader: ProtobufReader): ReadRequest {
  let source: ReadRequest['source'] | undefined
  const request: Changing<Omit<ReadRequest, 'source'>> = {
    direction: 'forwards',
    resolveLinks: false,
    count: undefined,
    filter: undefined,
    isStructuredId: true,
  }
  while (reader.next()) {
    if (reader.field <= 2) source = readSource(reader)
    else if (reader.field === 3) request.direction = reader.number() === 1 ? 'backwards' : 'forwards'
    else if (reader.field === 4) request.resolveLinks = reader.bool()
    else if (reader.field === 5) request.count = reader.uint64()
    else if (reader.field === 6) request.count = undefined
    else if (reader.field === 7) request.filter = readFilterOptions(reader.message())
    else if (reader.field === 9) request.isStructuredId = readUuidOption(reader.message())
  }
  if (!source) throw new MalformedMessage('a read names neither a stream nor everything')
  return { source, ...request }
}

function readSource(reader: ProtobufReader): ReadRequest['source'] {
  return reader.field === 1
    ? readStreamOptions(reader.message())
    : { kind: 'all', from: readAllOptions(reader.message()) }
}

function readStreamOptions(reader: ProtobufReader): ReadRequest['source'] {
  let stream = ''
  let from: 'start' | 'end' | bigint = 'start'
  while (reader.next()) {
    if (reader.field === 1) stream = readStreamIdentifier(reader.message())
    else if (reader.field === 2) from = reader.uint64()
    else if (reader.field === 3) from = 'start'
    else if (reader.field === 4) from = 'end'
  }
  return { kind: 'stream', stream, from }
}

function readAllOptions(reader: ProtobufReader): 'start' | 'end' | WirePosition {
  let from: 'start' | 'end' | WirePosition = 'start'
  while (reader.next()) {
    if (reader.field === 1) from = readPosition(reader.message())
    else if (reader.field === 2) from = 'start'
    else if (reader.field === 3) from = 'end'
  }
  return from
}

export function readPosition(reader: ProtobufReader): WirePosition {
  let [commit, prepare] = [0n, 0n]
  while (reader.next()) {
    if (reader.field === 1) commit = reader.uint64()
    else if (reader.field === 2) prepare = reader.uint64()
  }
  return { commit, prepare }
}

/** Persistent subscriptions use the same numbers for theirs. */
export function readFilterOptions(reader: ProtobufReader): FilterRequest {
  const filter: Changing<FilterRequest> = {
    on: 'stream',
    prefixes: [],
    regex: '',
    window: undefined,
    checkpointInterval: 1,
  }
  while (reader.next()) {
    if (reader.field === 1) Object.assign(filter, { on: 'stream' }, readExpression(reader.message()))
    else if (reader.field === 2) Object.assign(filter, { on: 'type' }, readExpression(reader.message()))
    else if (reader.field === 3) filter.window = reader.number()
    else if (reader.field === 4) filter.window = undefined
    else if (reader.field === 5) filter.checkpointInterval = reader.number()
  }
  return filter
}

function readExpression(reader: ProtobufReader): Pick<FilterRequest, 'regex' | 'prefixes'> {
  let regex = ''
  const prefixes: string[] = []
  while (reader.next()) {
    if (reader.field === 1) regex = reader.string()
    else if (reader.field === 2) prefixes.push(reader.string())
  }
  return { regex, prefixes }
}

export function readUuidOption(reader: ProtobufReader): boolean {
  let isStructured = true
  while (reader.next()) isStructured = reader.field === 1
  return isStructured
}

/** An event as it is sent: bodies are protobuf already. */
export interface OutgoingEvent {
  readonly event: Uint8Array | undefined
  readonly link: Uint8Array | undefined
  /** On the wire. */
  readonly position: number
  /** Only in deliveries of persistent subscriptions. */
  readonly retryCount?: number
}

const TAG = { event: 0x0a, link: 0x12, commitPosition: 0x18, retryCount: 0x28 } as const

/** Frames many events as `ReadResp{event}` messages in one buffer. */
export function encodeEventFrames(events: readonly OutgoingEvent[], isStructuredId: boolean): Buffer {
  const ready = isStructuredId ? events.map(structured) : events
  let bytes = 0
  for (const event of ready) bytes += frameBytes(readEventBytes(event))
  const frames = Buffer.allocUnsafe(bytes)
  let at = 0
  for (const event of ready) at = putEventFrame(frames, at, event)
  return frames
}

function structured(outgoing: OutgoingEvent): OutgoingEvent {
  const { event, link } = outgoing
  return { ...outgoing, event: event && withStructuredId(event), link: link && withStructuredId(link) }
}

function frameBytes(inner: number): number {
  return FRAME_HEADER_BYTES + 1 + varintBytes(inner) + inner
}

function readEventBytes({ event, link, position, retryCount }: OutgoingEvent): number {
  const eventBytes = event ? 1 + varintBytes(event.byteLength) + event.byteLength : 0
  const linkBytes = link ? 1 + varintBytes(link.byteLength) + link.byteLength : 0
  const retryBytes = retryCount === undefined ? 0 : 1 + varintBytes(retryCount)
  return eventBytes + linkBytes + 1 + varintBytes(position) + retryBytes
}

function putEventFrame(frames: Buffer, start: number, outgoing: OutgoingEvent): number {
  const inner = readEventBytes(outgoing)
  let at = putFrameHeader(frames, start, frameBytes(inner) - FRAME_HEADER_BYTES)
  frames[at++] = TAG.event
  at = putVarint(frames, at, inner)
  if (outgoing.event) at = putBody(frames, at, TAG.event, outgoing.event)
  if (outgoing.link) at = putBody(frames, at, TAG.link, outgoing.link)
  frames[at++] = TAG.commitPosition
  at = putVarint(frames, at, outgoing.position)
  if (outgoing.retryCount === undefined) return at
  frames[at++] = TAG.retryCount
  return putVarint(frames, at, outgoing.retryCount)
}

function putBody(frames: Buffer, start: number, tag: number, body: Uint8Array): number {
  frames[start] = tag
  const at = putVarint(frames, start + 1, body.byteLength)
  frames.set(body, at)
  return at + body.byteLength
}

export function encodeConfirmation(subscriptionId: string): Buffer {
  return new ProtobufWriter().message(2, (confirmation) => confirmation.string(1, subscriptionId)).finish()
}

/** A position on the wire up to which nothing was missed. */
export function encodeCheckpoint(position: number): Buffer {
  return new ProtobufWriter().message(3, (checkpoint) => checkpoint.uint(1, position).uint(2, position)).finish()
}

export function encodeStreamNotFound(stream: string): Buffer {
  return new ProtobufWriter().message(4, (notFound) => writeStreamIdentifier(notFound, 1, stream)).finish()
}

export function encodeCaughtUp(): Buffer {
  return new ProtobufWriter().message(8).finish()
}

export function encodeFellBehind(): Buffer {
  return new ProtobufWriter().message(9).finish()
}
