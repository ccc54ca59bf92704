/** Who looked at a person's record, when, in which role and what for: the person's own view of the access streams. */
import type { AccessEvent } from '../events/access-events.ts'
import type { Codec } from '../events/codec.ts'
import {
  ACCESS_CATEGORY_PREFIX,
  conversationStream,
  LEDGER_KEYS_STREAM,
  LEDGER_STREAM,
  PROJECTION_CATEGORY_PREFIX,
  USER_CATEGORY_PREFIX,
  userStream,
} from '../events/stream-names.ts'
import type { Uuid } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'
import { ownerOfStream } from './look-subject.ts'

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

export interface SeenLooks {
  /** Newest first. */
  readonly looks: readonly SeenLook[]
  /** Older ones of the month that are left out, for each kind. */
  readonly omitted: { readonly mine: number; readonly across: number }
}

/** No more are shown of one month, the newest. Counted apart: many looks across records must not hide one at this record. */
const MINE_MAX = 1_000
const ACROSS_MAX = 200

/**
 * The looks of one month (`yyyy-mm`, UTC): those at this person's record, and those across records that may have shown it. A look
 * at another person's record is that person's, and one at a stream that holds nobody's record is nobody's.
 */
export async function looksAt(
  reader: Pick<EventReader, 'readStream'>,
  codec: Codec,
  { ownerId, month }: { readonly ownerId: string; readonly month: string },
): Promise<SeenLooks> {
  const concerns = createConcern(reader, ownerId)
  const [mine, across] = [new NewestLooks(MINE_MAX), new NewestLooks(ACROSS_MAX)]
  for await (const stored of reader.readStream(`${ACCESS_CATEGORY_PREFIX}${month}`)) {
    const event = await codec.decode(stored)
    if (event.type !== 'RecordsAccessed') continue
    const { who, role, purpose, what } = event.data
    const concern = await concerns(what)
    if (concern === 'others') continue
    const isMine = concern === 'mine'
    const kept = isMine ? mine : across
    kept.add({
      ...{ at: event.envelope.occurredAt, who, role, purpose, kind: what.kind, by: what.by },
      ...{ conversationId: what.conversationId, isMine },
    })
  }
  const looks = [...mine.looks, ...across.looks].toSorted((one, other) => (one.at < other.at ? 1 : -1))
  return { looks, omitted: { mine: mine.omitted, across: across.omitted } }
}

type What = AccessEvent['data']['what']

/** Says whom a look concerns. A conversation that was named without its owner tells by itself whose it is. */
function createConcern(reader: Pick<EventReader, 'readStream'>, ownerId: string) {
  const isMineById = new Map<string, boolean>()

  return async ({ subjectId, conversationId, filters }: What): Promise<'mine' | 'across' | 'others'> => {
    if (subjectId !== null) return subjectId === ownerId ? 'mine' : 'others'
    if (conversationId !== null) return (await isMyConversation(conversationId)) ? 'mine' : 'others'
    return filters['stream'] === undefined ? 'across' : concernOfStream(filters['stream'])
  }

  function concernOfStream(stream: string): 'mine' | 'across' | 'others' {
    if (stream === userStream(ownerId)) return 'mine'
    const isNobodys =
      stream === LEDGER_STREAM || stream === LEDGER_KEYS_STREAM || stream.startsWith(PROJECTION_CATEGORY_PREFIX)
    return isNobodys || stream.startsWith(USER_CATEGORY_PREFIX) ? 'others' : 'across'
  }

  async function isMyConversation(conversationId: string): Promise<boolean> {
    const known = isMineById.get(conversationId)
    if (known !== undefined) return known
    const isMine = (await ownerOfStream(reader, conversationStream(conversationId as Uuid))) === ownerId
    isMineById.set(conversationId, isMine)
    return isMine
  }
}

class NewestLooks {
  readonly looks: SeenLook[] = []
  readonly #max: number
  omitted = 0

  constructor(max: number) {
    this.#max = max
  }

  add(look: SeenLook): void {
    this.looks.push(look)
    if (this.looks.length <= this.#max) return
    this.looks.shift()
    this.omitted += 1
  }
}
