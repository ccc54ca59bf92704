/** Who looked at a person's record, when, in which role and what for: the person's own view of the access streams. */
import type { Codec } from '../events/codec.ts'
import { ACCESS_CATEGORY_PREFIX } from '../events/stream-names.ts'
import type { EventReader } from '../store/event-store.ts'

export interface SeenLook {
  readonly at: string
  readonly who: string
  readonly role: string
  /** `content` when what the person wrote was shown. */
  readonly kind: 'content' | 'metadata'
  readonly by: string
  readonly purpose: string
  readonly conversationId: string | null
  /** False for a look across records, at nobody's in particular, that may have shown this one too. */
  readonly isMine: boolean
}

/** No more are shown of one month; the newest. */
const LOOKS_MAX = 1_000

/** The looks of one month (`yyyy-mm`, UTC), newest first. */
export async function looksAt(
  reader: Pick<EventReader, 'readStream'>,
  codec: Codec,
  { ownerId, month }: { readonly ownerId: string; readonly month: string },
): Promise<readonly SeenLook[]> {
  const looks: SeenLook[] = []
  for await (const stored of reader.readStream(`${ACCESS_CATEGORY_PREFIX}${month}`)) {
    const event = await codec.decode(stored)
    if (event.type !== 'RecordsAccessed') continue
    const { who, role, purpose, what } = event.data
    const isAcross = what.subjectId === null && what.conversationId === null
    if (what.subjectId !== ownerId && !isAcross) continue
    looks.push({
      ...{ at: event.envelope.occurredAt, who, role, purpose, kind: what.kind, by: what.by },
      ...{ conversationId: what.conversationId, isMine: !isAcross },
    })
    if (looks.length > LOOKS_MAX) looks.shift()
  }
  return looks.reverse()
}
