/** Keeps the content of attachments in the record, in parts; what is stored under an id stays as it is. */
import type { AttachmentEvent } from '../events/attachment-events.ts'
import type { Codec } from '../events/codec.ts'
import { attachmentIdOf, attachmentScope, attachmentStream } from '../events/stream-names.ts'
import { Fault, isRefusal } from '../shared/failures.ts'
import { mintId, type Uuid } from '../shared/ids.ts'
import type { EventStore } from '../store/event-store.ts'
import type { CommandHandler } from './command-handler.ts'
import { accept, type Decider, nothing } from './decision.ts'
import type { TurnSource } from './user-gateway.ts'

export const ATTACHMENT_BYTES_MAX = 4 * 1024 * 1024
/** A part, in Base64 and sealed, stays well below what a store takes in one append (1 MiB). */
const PART_BYTES_MAX = 360 * 1024

/** A call that is made again by a model that makes another picture each time keeps it under a further id, at most so often. */
const ATTEMPTS_MAX = 4

export interface AttachmentContent {
  readonly mediaType: string
  readonly bytes: Uint8Array
}

export interface AttachmentRecord {
  /**
   * Keeps the content that a call of a tool made, and names it. The same content of the same call is kept once; other content
   * of that call, made after a crash, gets a name of its own, so that what is read is always one of them, whole.
   * Throws `attachment-too-large`, `attachment-not-stored`.
   */
  readonly store: (source: TurnSource, callNumber: number, content: AttachmentContent) => Promise<Uuid>
  /** Undefined when this person has no such attachment, or it is not complete. */
  readonly read: (ownerId: string, attachmentId: string) => Promise<AttachmentContent | undefined>
}

interface StorePart {
  readonly type: 'StoreAttachmentPart'
  readonly data: AttachmentEvent['data']
}

/** How many parts are stored; the content itself is not held in memory. */
interface Stored {
  parts: number
}

export const attachmentDecider: Decider<Stored, StorePart, AttachmentEvent> = {
  initialState: () => ({ parts: 0 }),
  evolve: (_state, { data }) => ({ parts: data.part }),
  decide: ({ data }, { parts }) => (data.part <= parts ? nothing : accept({ type: 'AttachmentStored', data })),
}

/** For the command handler: whose record an attachment's stream is. */
export function personOfAttachment(_state: Stored, [first]: readonly AttachmentEvent[]): string | undefined {
  return first?.data.ownerId
}

export function createAttachmentRecord(parts: {
  readonly handler: CommandHandler<Stored, StorePart>
  readonly reader: Pick<EventStore, 'readStream'>
  readonly codec: Codec
}): AttachmentRecord {
  return { store, read }

  async function store(source: TurnSource, callNumber: number, content: AttachmentContent) {
    const { ownerId, turnId } = source
    const { byteLength } = content.bytes
    if (byteLength > ATTACHMENT_BYTES_MAX) throw new Fault('attachment-too-large', { bytes: byteLength })
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      const attachmentId = attachmentIdOf(turnId, callNumber, attempt)
      const kept = await read(ownerId, attachmentId)
      if (kept === undefined) await storeParts({ ...source, attachmentId }, content)
      if (isSame(kept ?? (await read(ownerId, attachmentId)), content)) return attachmentId
    }
    throw new Fault('attachment-not-stored', { turnId, attempts: ATTEMPTS_MAX })
  }

  /** Adds the parts that are missing. What another process has begun under this id stays, and is then not this content. */
  async function storeParts(
    { ownerId, conversationId, turnId, agent, attachmentId }: TurnSource & { readonly attachmentId: Uuid },
    { mediaType, bytes }: AttachmentContent,
  ): Promise<void> {
    const writing = mintId()
    const stream = attachmentStream(ownerId, attachmentId)
    const count = Math.max(1, Math.ceil(bytes.byteLength / PART_BYTES_MAX))
    for (let part = 1; part <= count; part += 1) {
      const piece = bytes.subarray((part - 1) * PART_BYTES_MAX, part * PART_BYTES_MAX)
      const content = Buffer.from(piece).toString('base64')
      const data = { ownerId, attachmentId, mediaType, part, parts: count, content }
      const context = { actor: { kind: 'agent', id: agent }, correlationId: turnId, causationId: turnId } as const
      const outcome = await parts.handler.handle(
        stream,
        { type: 'StoreAttachmentPart', data },
        {
          ...context,
          commandId: `StoreAttachmentPart:${attachmentId}:${part}:${writing}`,
          scope: attachmentScope(conversationId, stream),
        },
      )
      if (isRefusal(outcome)) throw new Fault('attachment-not-stored', { attachmentId, refusal: outcome.code })
    }
  }

  async function read(ownerId: string, attachmentId: string): Promise<AttachmentContent | undefined> {
    const pieces: Buffer[] = []
    let last: AttachmentEvent['data'] | undefined
    for await (const stored of parts.reader.readStream(attachmentStream(ownerId, attachmentId))) {
      const event = await parts.codec.decode(stored)
      if (event.type !== 'AttachmentStored' || event.erased.length > 0) return undefined
      last = event.data
      pieces.push(Buffer.from(last.content, 'base64'))
    }
    if (last === undefined || pieces.length < last.parts) return undefined
    return { mediaType: last.mediaType, bytes: Buffer.concat(pieces) }
  }
}

function isSame(kept: AttachmentContent | undefined, { mediaType, bytes }: AttachmentContent): boolean {
  return kept !== undefined && kept.mediaType === mediaType && Buffer.compare(kept.bytes, bytes) === 0
}
