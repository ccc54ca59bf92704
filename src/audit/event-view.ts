/** How an event is shown to an auditor: what happened only, what was said too, or just as it is stored. */
import type { Codec, StoredEvent } from '../events/codec.ts'
import { eventSchemas } from '../events/event-catalogue.ts'
import { sealedFields } from '../events/sealing.ts'
import { leafText } from '../ledger/tree-leaf.ts'
import { isFault } from '../shared/failures.ts'

/**
 * `metadata` leaves out every field that holds what people wrote, `content` shows it opened, `stored` shows the stored form,
 * sealed where it is sealed, with the exact text of the leaf.
 */
export type EventViewKind = 'metadata' | 'content' | 'stored'

export interface EventView {
  readonly stream: string
  readonly revision: string
  readonly position: string
  readonly eventId: string
  readonly type: string
  /** When the store took it in. */
  readonly created: string
  readonly data: unknown
  readonly metadata: unknown
  /** Names of the fields that are left out. */
  readonly withheld?: string[]
  /** Names of the fields that can no longer be read, because their key is destroyed. */
  readonly erased?: string[]
  /** Why this version cannot read the event; its data is then as stored. */
  readonly fault?: string
  /** The leaf of the ledger, byte for byte. */
  readonly leaf?: string
}

/** In the order given. Keys are fetched once for all of them, and only where content is shown. */
export async function viewEvents(
  stored: readonly StoredEvent[],
  kind: EventViewKind,
  codec: Codec,
): Promise<EventView[]> {
  if (kind === 'metadata') return stored.map(withoutContent)
  if (kind === 'stored') return stored.map((event) => ({ ...shared(event), leaf: leafText(event) }))
  const decoded = await codec.decodeAll(stored)
  return stored.map((event, index) => {
    const read = decoded[index]
    if (read === undefined || isFault(read)) return { ...shared(event), fault: read?.message ?? 'not read' }
    const erased = read.erased.length > 0 && { erased: [...read.erased] }
    return { ...shared(event), data: read.data, metadata: read.envelope, ...erased }
  })
}

function withoutContent(event: StoredEvent): EventView {
  const schema = Object.hasOwn(eventSchemas, event.type)
    ? eventSchemas[event.type as keyof typeof eventSchemas]
    : undefined
  const isPlain = typeof event.data === 'object' && event.data !== null && !(event.data instanceof Uint8Array)
  // What is of no known type may hold anything.
  if (schema === undefined || !isPlain) return { ...shared(event), data: {}, withheld: ['data'] }
  const sealed = new Set(sealedFields(schema))
  const fields = Object.entries(event.data)
  const withheld = fields.map(([name]) => name).filter((name) => sealed.has(name))
  return {
    ...shared(event),
    data: Object.fromEntries(fields.filter(([name]) => !sealed.has(name))),
    ...(withheld.length > 0 && { withheld }),
  }
}

function shared({ stream, revision, position, eventId, type, created, data, metadata }: StoredEvent): EventView {
  return {
    ...{ stream, revision: String(revision), position: String(position), eventId, type },
    ...{ created: created.toISOString(), data, metadata },
  }
}
