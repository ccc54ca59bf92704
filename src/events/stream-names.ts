/** The only place where streams get their names; identity is part of the address. */
import { deriveId, parseUuid, type Uuid } from '../shared/ids.ts'

/** The namespace of ids derived from people's and conversations' own ids. For ever: changing it would lose every stream. */
const EMBERLOG_NAMESPACE = '0c7d6f6e-5c0a-5d3b-9a53-6f0e5b1f7c21' as Uuid
/** Separates the parts of a name; it cannot stand in an owner's id. */
const UNIT_SEPARATOR = '\u241F'

export const CONVERSATION_CATEGORY_PREFIX = 'conversation-'
export const USER_CATEGORY_PREFIX = 'user-'
export const ATTACHMENT_CATEGORY_PREFIX = 'attachment-'
export const DRAFT_CATEGORY_PREFIX = 'draft-'
export const ACCESS_CATEGORY_PREFIX = 'access-'
export const PROJECTION_CATEGORY_PREFIX = 'projection-'
export const RETENTION_CATEGORY_PREFIX = 'retention-'
export const SESSION_CATEGORY_PREFIX = 'session-'
/** Where ended sessions stand, for every node to hear of. */
export const ENDED_SESSIONS_STREAM = `${SESSION_CATEGORY_PREFIX}ended`
export const LEDGER_STREAM = 'ledger-checkpoints'
export const LEDGER_KEYS_STREAM = 'ledger-keys'

/** A conversation's id, derived from its owner and the id the owner's client uses: two people never share one. */
export function conversationIdOf(ownerId: string, clientConversationId: string): Uuid {
  return deriveId(EMBERLOG_NAMESPACE, `${ownerId}${UNIT_SEPARATOR}${clientConversationId}`)
}

export function conversationStream(conversationId: Uuid): string {
  return `${CONVERSATION_CATEGORY_PREFIX}${conversationId}`
}

/** Reads the conversation's id back from its stream's name; undefined for any other stream, also one that can never be ours. */
export function conversationIdFromStream(stream: string): Uuid | undefined {
  return idAfter(CONVERSATION_CATEGORY_PREFIX, stream)
}

/** Only in the very spelling in which we write it: two streams never have one id. */
function idAfter(prefix: string, stream: string): Uuid | undefined {
  if (!stream.startsWith(prefix)) return undefined
  const text = stream.slice(prefix.length)
  return parseUuid(text) === text ? (text as Uuid) : undefined
}

/** Where the facts about one person stand; nobody can name another person's without knowing who they are. */
export function userStream(ownerId: string): string {
  return userStreamOf(deriveId(EMBERLOG_NAMESPACE, ownerId))
}

/** The same, by the id that stands in the name. */
export function userStreamOf(personId: Uuid): string {
  return `${USER_CATEGORY_PREFIX}${personId}`
}

/** Reads a person's id back from the name of their stream; undefined for any other stream. Not the id they sign in with. */
export function personIdFromStream(stream: string): Uuid | undefined {
  return idAfter(USER_CATEGORY_PREFIX, stream)
}

/** A fact that a person stated in a turn, named by the place of its words: found twice, it is one fact. */
export function factIdOf(turnId: string, span: { readonly from: number; readonly to: number }): Uuid {
  return deriveId(turnId as Uuid, ['fact', span.from, span.to].join(UNIT_SEPARATOR))
}

/** Where wishes to stop an answer stand, whichever node writes it; no turn has this name. */
export const STOP_REQUESTS_STREAM = `${DRAFT_CATEGORY_PREFIX}stops`

/** The project that a turn begins: derived, so that a repeated turn begins no second one. */
export function projectIdOf(turnId: string): Uuid {
  return deriveId(turnId as Uuid, 'project')
}

/** The attachment that a call of a tool makes: derived, so that a repeated call that makes the same makes no second one. */
export function attachmentIdOf(turnId: string, callNumber: number, attempt = 1): Uuid {
  const later = attempt === 1 ? [] : [attempt]
  return deriveId(turnId as Uuid, ['attachment', callNumber, ...later].join(UNIT_SEPARATOR))
}

/** Where an attachment's content stands; the owner is part of the name, so another person's cannot be named. */
export function attachmentStream(ownerId: string, attachmentId: string): string {
  return `${ATTACHMENT_CATEGORY_PREFIX}${deriveId(EMBERLOG_NAMESPACE, [ownerId, 'attachment', attachmentId].join(UNIT_SEPARATOR))}`
}

/** What an attachment's content is sealed for: itself alone, as a part of its conversation. */
export function attachmentScope(conversationId: string, attachmentStreamName: string): string {
  return `${CONVERSATION_CATEGORY_PREFIX}${conversationId}/${attachmentStreamName}`
}

/** Where an answer stands while it is being written. */
export function draftStream(turnId: string): string {
  return `${DRAFT_CATEGORY_PREFIX}${turnId}`
}

/** Where the looks at people's records stand, a stream for each month (UTC). */
export function accessStream(at: Date): string {
  return `${ACCESS_CATEGORY_PREFIX}${at.toISOString().slice(0, 'yyyy-mm'.length)}`
}

/** Where it stands which rules of retention were applied to what, a stream for each month (UTC). */
export function retentionStream(at: Date): string {
  return `${RETENTION_CATEGORY_PREFIX}${at.toISOString().slice(0, 'yyyy-mm'.length)}`
}

/** Over so many streams the taken connection tokens are spread, so that nodes seldom write to the same one at once. */
const TAKEN_TOKENS_STREAMS = 16

/** Where it stands that a connection token is taken. */
export function takenTokensStream(tokenId: string): string {
  const first = Number.parseInt(deriveId(EMBERLOG_NAMESPACE, tokenId).slice(0, 4), 16)
  return `${SESSION_CATEGORY_PREFIX}taken-${first % TAKEN_TOKENS_STREAMS}`
}

/** Where the acts on a set of read models stand. */
export function projectionStream(name: string): string {
  return `${PROJECTION_CATEGORY_PREFIX}${name}`
}

/** The id of the conversation or the person in the name of their stream; undefined for any other stream. No two streams have one id. */
export function subjectIdFromStream(stream: string): Uuid | undefined {
  return conversationIdFromStream(stream) ?? personIdFromStream(stream)
}

/** The turn that a message opens: derived, so that a repeated message names the same turn. */
export function turnIdOf(conversationId: Uuid, messageId: string): Uuid {
  return deriveId(conversationId, `turn${UNIT_SEPARATOR}${messageId}`)
}

/** The assistant's message of a turn: known before it is written, so that a follow-up can name it as its parent. */
export function responseMessageIdOf(turnId: string): Uuid {
  return deriveId(turnId as Uuid, 'response')
}

/** The id of the `index`-th event that a command adds to a stream: a repeated command appends the same ids. */
export function eventIdOf(stream: string, commandId: string, index: number): Uuid {
  return deriveId(EMBERLOG_NAMESPACE, ['event', stream, commandId, index].join(UNIT_SEPARATOR))
}
