/** The facts of a conversation: the permanent record of every chat turn. Never rename or reshape one; add a version. */
import { z } from 'zod'
import { sealed } from './sealing.ts'

export const conversationKinds = [
  'ember_chat',
  'ember_learn',
  'ember_explore',
  'learning_path',
  'avatar',
  'image',
  'project',
] as const
export type ConversationKind = (typeof conversationKinds)[number]

/** What a message can be about; the router decides for one of them. */
export const intents = [
  'learning',
  'discovery',
  'creation',
  'image',
  'profile',
  'support',
  'smalltalk',
  'unsafe',
] as const
export type Intent = (typeof intents)[number]

const messageIdSchema = z.string().min(1).max(128)
const turnIdSchema = z.uuid()
/** Message text is stored exactly as it was written. */
const textSchema = z.string()
const intentSchema = z.string().min(1).max(64)
const attachmentSchema = z.object({ mediaType: z.string(), name: z.string(), reference: z.string() })

const modelSchema = z.object({ provider: z.string(), id: z.string() })
/** Every call of a tool while an answer was written, in the order in which they were made. */
const toolCallsSchema = z.array(
  z.object({
    name: z.string(),
    /** JSON text. */
    arguments: z.string(),
    resultBytes: z.number(),
    tookMs: z.number(),
    outcome: z.string(),
  }),
)
const usageSchema = z.object({
  inputTokens: z.number().int().min(0),
  outputTokens: z.number().int().min(0),
  /** Absent: counted by the provider, or by the offline assistant before this was told apart. */
  isEstimated: z.boolean().optional(),
})

/** How a picture in an answer came about. */
const pictureMakingSchema = z.object({
  origin: z.enum(['generated', 'drawn']),
  model: modelSchema,
  /** The models that were to make it and did not, in the order they were asked. */
  insteadOf: z.array(modelSchema.extend({ code: z.string() })).readonly(),
  /** Absent: the provider did not count. */
  usage: usageSchema.optional(),
})
/** `made` is absent where nothing was made, or nobody wrote it down yet. */
const answerAttachmentSchema = attachmentSchema.extend({ made: pictureMakingSchema.optional() })

/** What an answer that did not come to its end had taken. Absent: nothing, or written before this was recorded. */
const unfinishedWork = {
  model: modelSchema.optional(),
  toolCalls: sealed(toolCallsSchema).optional(),
  usage: usageSchema.optional(),
}

export const conversationEventSchemas = {
  ConversationStarted: z.object({
    conversationId: z.uuid(),
    clientConversationId: z.string().min(1).max(256),
    ownerId: z.string().min(1).max(256),
    kind: z.enum(conversationKinds),
    title: sealed(z.string()).optional(),
    /** `transient` conversations age out of the record and are in no read model. */
    retention: z.enum(['kept', 'transient']),
  }),
  MessageSent: z.object({
    messageId: messageIdSchema,
    turnId: turnIdSchema,
    parentMessageId: messageIdSchema.optional(),
    text: sealed(textSchema),
    attachments: sealed(z.array(attachmentSchema)),
    channel: z.enum(['socket', 'rest', 'cli']),
    /** What the answer is to be about, when the person chose it. */
    intent: intentSchema.optional(),
  }),
  IntentRouted: z.object({
    turnId: turnIdSchema,
    intent: intentSchema,
    agent: z.string().min(1).max(64),
    method: z.enum(['override', 'continuation', 'rule', 'model', 'llm', 'fallback', 'guard']),
    confidence: z.number().min(0).max(1),
    candidates: z.array(z.object({ intent: intentSchema, probability: z.number().min(0).max(1) })),
    /** The rules that spoke, by name: never words of the message. */
    rules: z.array(z.string().min(1).max(128)),
    /** What else spoke for and against; it names words of the message. */
    evidence: sealed(z.array(z.object({ kind: z.string(), name: z.string(), weight: z.number() }))),
    /** What of the conversation was used; null when nobody wrote it down (version 1). */
    context: z
      .object({
        /** Earlier messages that were read. */
        messages: z.number().int().min(0),
        /** Who had answered last, as far as one can tell, and how sure that is. */
        agent: z.string().min(1).max(64).nullable(),
        agentProbability: z.number().min(0).max(1),
        /** Whether the assistant had asked something. */
        isAsked: z.boolean(),
      })
      .nullable(),
    /** The two likeliest intents, when the router was unsure which. */
    clarify: z.array(intentSchema).length(2).optional(),
    guard: z.string().nullable(),
    routerVersion: z.string(),
    tookMs: z.number().min(0),
  }),
  ResponseCompleted: z.object({
    turnId: turnIdSchema,
    messageId: messageIdSchema,
    parentMessageId: messageIdSchema,
    text: sealed(textSchema),
    agent: z.string().min(1).max(64),
    model: modelSchema,
    /** The models that were to write this answer and did not, in the order they were asked. Absent: none. */
    insteadOf: z.array(z.object({ provider: z.string(), id: z.string(), code: z.string() })).optional(),
    finishReason: z.enum(['stop', 'length', 'content-filter', 'tool-calls', 'error', 'other']),
    toolCalls: sealed(toolCallsSchema),
    citations: z.array(z.object({ entryId: z.string(), title: z.string(), source: z.string() })),
    attachments: sealed(z.array(answerAttachmentSchema)),
    usage: usageSchema,
    firstTokenMs: z.number().min(0),
    totalMs: z.number().min(0),
  }),
  ResponseFailed: z.object({
    turnId: turnIdSchema,
    code: z.string().min(1).max(64),
    partialText: sealed(textSchema),
    retryable: z.boolean(),
    ...unfinishedWork,
  }),
  ResponseStopped: z.object({
    turnId: turnIdSchema,
    partialText: sealed(textSchema),
    by: z.string().min(1).max(256),
    ...unfinishedWork,
  }),
  ResponseRequested: z.object({
    turnId: turnIdSchema,
    /** The person's message that is to be answered once more. */
    parentMessageId: messageIdSchema,
    /** What the answer is to be about, when the person chose it. */
    intent: intentSchema.optional(),
  }),
  IntentCorrected: z.object({
    turnId: turnIdSchema,
    intent: intentSchema,
    by: z.string().min(1).max(256),
    note: sealed(z.string()).optional(),
    /** As whom: an analyst, who has seen no word of it. Absent: as the person whose message it is. */
    as: z.enum(['analyst']).optional(),
  }),
  ResponseRated: z.object({
    messageId: messageIdSchema,
    rating: z.enum(['up', 'down', 'none']),
    note: sealed(z.string()).optional(),
  }),
  ConversationRenamed: z.object({ title: sealed(z.string().min(1)) }),
  ConversationArchived: z.object({}),
  ConversationUnarchived: z.object({}),
  ConversationDeleted: z.object({}),
  ConversationRestored: z.object({}),
  /** A rule of retention was applied: the text before this event is gone, or going. What follows is sealed under another key. */
  ConversationExpired: z.object({
    /** Names the `RetentionApplied` that follows. */
    batchId: z.uuid(),
    rule: z.string().min(1).max(64),
    ageDays: z.number().int().min(1),
    /** The last event before this one is older. */
    until: z.iso.datetime({ precision: 3 }),
    reason: z.string().min(1).max(2_000),
  }),
} as const

type Schemas = typeof conversationEventSchemas
export type ConversationEventType = keyof Schemas
export type ConversationEvent = {
  [Type in ConversationEventType]: { readonly type: Type; readonly data: Readonly<z.infer<Schemas[Type]>> }
}[ConversationEventType]
/** The data of one event type. */
export type DataOf<Type extends ConversationEventType> = Extract<ConversationEvent, { type: Type }>['data']
export type AnswerAttachment = DataOf<'ResponseCompleted'>['attachments'][number]
