/** Whose record a look is at, as far as what is asked for tells: so that the person concerned finds it among the looks at theirs. */
import { isAgentName } from '../agents/agent-name.ts'
import {
  ATTACHMENT_CATEGORY_PREFIX,
  conversationIdFromStream,
  personIdFromStream,
  userStream,
} from '../events/stream-names.ts'
import type { Uuid } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'

export interface LookSubject {
  /** Null for a look across records. */
  readonly subjectId: string | null
  readonly conversationId: Uuid | null
}

type StreamReader = Pick<EventReader, 'readStream'>

interface AskedFor {
  readonly stream?: string | undefined
  /** An id, or `kind:id`. */
  readonly actor?: string | undefined
  /** Whose the stream is said to be: it counts as long as the stream itself says nothing. */
  readonly owner?: string | undefined
}

export async function subjectOfLook(reader: StreamReader, { stream, actor, owner }: AskedFor): Promise<LookSubject> {
  if (stream === undefined) return { subjectId: subjectOfActor(actor) ?? null, conversationId: null }
  const subjectId = (await ownerOfStream(reader, stream)) ?? owner ?? null
  return { subjectId, conversationId: conversationIdFromStream(stream) ?? null }
}

/** Whose conversation, facts or attachment the stream holds; undefined for other streams, and for one that is not there. */
export async function ownerOfStream(reader: StreamReader, stream: string): Promise<string | undefined> {
  const isOfOnePerson =
    conversationIdFromStream(stream) !== undefined ||
    personIdFromStream(stream) !== undefined ||
    stream.startsWith(ATTACHMENT_CATEGORY_PREFIX)
  if (!isOfOnePerson) return undefined
  for await (const { data } of reader.readStream(stream)) {
    const { ownerId, subjectId = ownerId } = (data ?? {}) as { ownerId?: unknown; subjectId?: unknown }
    if (typeof subjectId !== 'string') return undefined
    // What a stream of facts says of its owner must fit its name.
    return personIdFromStream(stream) === undefined || userStream(subjectId) === stream ? subjectId : undefined
  }
  return undefined
}

/**
 * A person is named by an actor's id alone or as `user:<id>`. Other kinds of actors are nobody's record, and neither is the name of
 * an agent: what it did stands in the records of all people.
 */
function subjectOfActor(actor: string | undefined): string | undefined {
  if (actor === undefined) return undefined
  const [, kind, id] = /^(user|agent|system|auditor|operator):(.+)$/.exec(actor) ?? []
  if (kind !== undefined) return kind === 'user' ? id : undefined
  return isAgentName(actor) ? undefined : actor
}
