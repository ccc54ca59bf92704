/** Whose record a look is at, as far as what is asked for tells: so that the person concerned finds it among the looks at theirs. */
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

/** `actor` is an id, or `kind:id`. */
export async function subjectOfLook(
  reader: StreamReader,
  { stream, actor }: { readonly stream?: string | undefined; readonly actor?: string | undefined },
): Promise<LookSubject> {
  if (stream === undefined) return { subjectId: subjectOfActor(actor) ?? null, conversationId: null }
  const subjectId = (await ownerOfStream(reader, stream)) ?? null
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

/** A person is named by an actor's id alone or as `user:<id>`; other kinds of actors are nobody's record. */
function subjectOfActor(actor: string | undefined): string | undefined {
  if (actor === undefined) return undefined
  const [, kind, id] = /^(user|agent|system|auditor|operator):(.+)$/.exec(actor) ?? []
  return kind === undefined ? actor : kind === 'user' ? id : undefined
}
