/** What auditors see: events, conversations as they stood, the ledger and its proofs, and looks that were taken. */
import { z } from 'zod'
import { conversationKinds } from '../../events/conversation-events.ts'
import { positionSchema, timeSchema } from './common-contract.ts'

const PURPOSE_CHARACTERS_MAX = 2_000
const FILTER_CHARACTERS_MAX = 256
export const EVENTS_PAGE_DEFAULT = 100
export const EVENTS_PAGE_MAX = 1_000

/** A header holds Latin letters only; a purpose in other letters is given as RFC 8187 writes them: `UTF-8''…`. */
export const purposeHeaders = z.looseObject({
  'x-audit-purpose': z
    .string({ error: 'purpose-missing' })
    .trim()
    .min(1, { error: 'purpose-missing' })
    .max(PURPOSE_CHARACTERS_MAX, { error: 'purpose-missing' })
    .meta({
      description:
        'What for. Recorded with every look, and shown to the person concerned; of a look across records to everybody.',
    }),
})

export function purposeOf(header: string): string {
  const encoded = /^utf-8''(.*)$/i.exec(header)?.[1]
  if (encoded === undefined) return header
  try {
    return decodeURIComponent(encoded)
  } catch {
    return header
  }
}

const text = z.string().min(1).max(FILTER_CHARACTERS_MAX)
const treeSize = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
/** A time with an offset, with or without fractions of a second. */
const instantSchema = z.iso.datetime({ offset: true })

export const eventQuerySchema = z.object({
  stream: text.optional(),
  actor: text.optional().meta({ description: 'An actor’s id, or `kind:id`.' }),
  type: text.optional(),
  correlationId: text.optional(),
  from: instantSchema.optional().meta({ description: 'Taken in by the store at this time or later.' }),
  to: instantSchema.optional().meta({ description: 'Taken in before this time.' }),
  after: positionSchema.optional().meta({ description: 'Only events after this position; `next` of the page before.' }),
  source: z.enum(['record', 'index']).default('record').meta({
    description:
      '`record` looks at every event, however long that takes; `index` finds events of kept conversations and of people at once, as far as the read models go. A stream that is named is read from the record.',
  }),
  limit: z.coerce.number().int().min(1).max(EVENTS_PAGE_MAX).default(EVENTS_PAGE_DEFAULT),
  view: z.enum(['metadata', 'content', 'stored']).default('metadata').meta({
    description:
      '`metadata` leaves out what people wrote; `content` shows it; `stored` shows the stored form and the leaf.',
  }),
})

export const auditedEventSchema = z
  .object({
    stream: z.string(),
    revision: z.string(),
    position: z.string(),
    eventId: z.string(),
    type: z.string(),
    created: timeSchema,
    data: z.unknown(),
    metadata: z.unknown(),
    withheld: z.array(z.string()).optional(),
    erased: z.array(z.string()).optional(),
    fault: z.string().optional(),
    leaf: z.string().optional(),
  })
  .meta({ id: 'AuditedEvent' })

export const eventPageSchema = z.object({
  results: z.array(auditedEventSchema),
  next: z
    .string()
    .nullable()
    .meta({ description: 'Hand it in as `after`; a page may hold few events and still have a next.' }),
  indexed: z
    .object({
      to: z.string().meta({ description: 'Later events may not be in the index yet; -1 before the first.' }),
      waitingStreams: z.number().int().meta({ description: 'Streams with parked events, which are not in the index.' }),
      discardedEvents: z
        .number()
        .int()
        .meta({ description: 'Events that an operator left out of the read models for good.' }),
      notFound: z
        .number()
        .int()
        .meta({ description: 'Events of this page that are not in the record, or not as the index says.' }),
    })
    .nullable()
    .meta({ description: 'How far the index goes that the events were found by; null when the record was looked at.' }),
})

export const asOfSchema = z
  .union([positionSchema, instantSchema], { error: 'as-of-invalid' })
  .meta({ description: 'A position, or a time as the store counts it. Left out: now.' })

export const auditedConversationSchema = z.object({
  asOf: z.object({ position: z.string(), events: z.number().int() }),
  conversation: z.object({
    conversationId: z.string(),
    clientConversationId: z.string(),
    ownerId: z.string(),
    kind: z.enum(conversationKinds),
    title: z.string(),
    isArchived: z.boolean(),
    messageCount: z.number().int(),
    createdAt: z.string(),
    updatedAt: z.string(),
    deletedAt: z.string().nullable(),
  }),
  messages: z.array(
    z.object({
      messageId: z.string(),
      turnId: z.string(),
      parentMessageId: z.string().nullable(),
      role: z.enum(['user', 'assistant']),
      text: z.string(),
      status: z.string(),
      rating: z.string().nullable(),
      createdAt: z.string(),
      position: z.string(),
    }),
  ),
})

export const inclusionQuerySchema = z.object({ position: positionSchema, size: treeSize.optional() })
export const consistencyQuerySchema = z.object({ from: treeSize, to: treeSize.optional() })

const hash = z.string().meta({ description: '32 bytes in base64.' })

export const inclusionSchema = z.object({
  position: z.string(),
  index: z.number().int().meta({ description: 'The number of the leaf, counted from 0.' }),
  size: z.number().int(),
  leafHash: hash,
  rootHash: hash,
  hashes: z.array(hash).meta({ description: 'From the leaf upwards (RFC 6962 §2.1.1).' }),
  checkpoint: z.string().nullable().meta({ description: 'The signed head over `size` leaves, if it is the last one.' }),
})

export const consistencySchema = z.object({
  from: z.number().int(),
  to: z.number().int(),
  fromRootHash: hash,
  toRootHash: hash,
  hashes: z.array(hash).meta({ description: 'RFC 6962 §2.1.2.' }),
})

export const accessLogSchema = z.object({
  results: z.array(
    z.object({
      at: z.string(),
      who: z.string(),
      role: z.string(),
      kind: z.enum(['content', 'metadata']),
      by: z.string(),
      purpose: z.string(),
      conversationId: z.string().nullable(),
      isMine: z.boolean().meta({ description: 'False for a look across records that may have shown yours too.' }),
    }),
  ),
  omitted: z
    .object({ mine: z.number().int(), across: z.number().int() })
    .meta({ description: 'Older looks of the month that are left out.' }),
  next: z.string().meta({ description: 'The month before: hand it in as `month`.' }),
})

export const monthSchema = z.string().regex(/^2\d{3}-(0[1-9]|1[0-2])$/)
