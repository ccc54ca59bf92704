/** The stored body of an event: the protobuf message RecordedEvent, encoded once and from then on only copied. */
import { MalformedMessage, ProtobufReader } from './protobuf-reader.ts'
import { ProtobufWriter } from './protobuf-writer.ts'
import { readMapEntry, writeStructuredUuid } from './shared-messages.ts'

/** What a writer proposes, checked and ready to be stored. */
export interface ProposedEvent {
  /** Canonical UUID. */
  readonly id: string
  readonly type: string
  readonly isJson: boolean
  readonly data: Uint8Array
  readonly metadata: Uint8Array
}

/** Where and when an event came to stand. */
export interface Placement {
  readonly stream: string
  readonly revision: number | bigint
  readonly position: number
  readonly createdMs: number
}

/**
 * Positions on the wire are this many times the log's own. So there is something between two events, as in a server
 * that counts bytes: whoever goes on from "just after" an event must not miss the one that is written next.
 */
export const POSITION_STEP = 64

const TICKS_PER_MS = '0000'
const JSON_TYPE = 'application/json'
const BINARY_TYPE = 'application/octet-stream'
const OVERHEAD_BYTES = 192
/** The id comes first and takes these bytes: tag, length, tag, length, 36 characters. */
const ID_BYTES = 40

export function encodeRecordedEvent(event: ProposedEvent, at: Placement): Buffer {
  const names = at.stream.length * 3 + event.type.length * 3
  const writer = new ProtobufWriter(OVERHEAD_BYTES + names + event.data.byteLength + event.metadata.byteLength)
  const position = at.position * POSITION_STEP
  writer
    .message(1, (id) => id.string(2, event.id))
    .message(2, (identifier) => identifier.string(3, at.stream))
    .uint(3, at.revision)
    .uint(4, position)
    .uint(5, position)
    .message(6, (entry) => entry.string(1, 'type').string(2, event.type))
    .message(6, (entry) => entry.string(1, 'content-type').string(2, event.isJson ? JSON_TYPE : BINARY_TYPE))
    .message(6, (entry) => entry.string(1, 'created').string(2, at.createdMs + TICKS_PER_MS))
    .bytes(7, event.metadata)
    .bytes(8, event.data)
  return writer.finish()
}

/** What the server itself needs of a stored body. */
export interface StoredContent {
  readonly id: string
  readonly isJson: boolean
  readonly data: Buffer
  readonly metadata: Buffer
}

export function decodeContent(body: Uint8Array): StoredContent {
  const bytes = asBuffer(body)
  const reader = new ProtobufReader(bytes)
  const content = { id: bytes.toString('latin1', 4, ID_BYTES), isJson: false, data: EMPTY, metadata: EMPTY }
  while (reader.next()) {
    if (reader.field === 6) {
      const [key, value] = readMapEntry(reader.message())
      if (key === 'content-type') content.isJson = value === JSON_TYPE
    } else if (reader.field === 7) content.metadata = reader.bytes()
    else if (reader.field === 8) content.data = reader.bytes()
  }
  return content
}

/** The same body with its id as two numbers, for the clients that ask for it. */
export function withStructuredId(body: Uint8Array): Buffer {
  const bytes = asBuffer(body)
  if (bytes[0] !== 0x0a || bytes[1] !== ID_BYTES - 2)
    throw new MalformedMessage('a stored event does not begin with its id')
  const writer = new ProtobufWriter(32)
  writeStructuredUuid(writer, 1, bytes.toString('latin1', 4, ID_BYTES))
  return Buffer.concat([writer.finish(), bytes.subarray(ID_BYTES)])
}

const EMPTY: Buffer = Buffer.alloc(0)

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
