/** Collects what people corrected as labelled rows, with the conversation as it stood when the message was asked. */
import type { Codec, RecordedEvent, StoredEvent } from '../events/codec.ts'
import type { Intent } from '../events/conversation-events.ts'
import { type Asked, createConversationFold } from '../routing/conversation-fold.ts'
import { isIntent } from '../routing/intents.ts'
import type { PastMessage } from '../routing/routing-decision.ts'
import { isFault } from '../shared/failures.ts'
import type { Position } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'
import { readConversationLog } from './conversation-log.ts'

/** Messages before the corrected one that go with it; the router reads no more. */
const HISTORY_MESSAGES_MAX = 4

/** A row in the form of data/routing/utterances.jsonl. */
export interface CorrectedRow {
  readonly text: string
  readonly intent: string
  readonly family: string
  readonly language: 'unknown'
  readonly part: 'train'
  readonly kinds: readonly string[]
  readonly history?: readonly PastMessage[]
  /** What the router had decided; null when the turn was corrected before it was routed. */
  readonly was: string | null
  readonly source: 'correction'
}

export interface CorrectionTotals {
  readonly rows: number
  /** Corrections of the same turn by a later one. */
  readonly superseded: number
  /** Corrections of messages whose text, or what went before it, was erased: left out. */
  readonly erased: number
  readonly unreadable: number
}

export interface CorrectionsParts {
  readonly reader: EventReader
  readonly codec: Codec
  readonly after?: Position
  readonly since?: Date
  readonly onRow: (row: CorrectedRow) => void
  /** Told how far the log has been looked through. */
  readonly onConsidered?: (position: Position) => void
}

/** The last correction of a turn counts. Throws `store-unavailable` when the record is lost on the way. */
export async function collectCorrections(parts: CorrectionsParts): Promise<CorrectionTotals> {
  const totals = { rows: 0, superseded: 0, erased: 0, unreadable: 0 }
  for await (const stored of readConversationLog(parts.reader, { ...parts, types: ['IntentCorrected'] })) {
    const row = await rowOf(parts, stored)
    if (typeof row === 'string') totals[row] += 1
    else {
      totals.rows += 1
      parts.onRow(row)
    }
  }
  return totals
}

async function rowOf(
  { reader, codec }: CorrectionsParts,
  stored: StoredEvent,
): Promise<CorrectedRow | 'superseded' | 'erased' | 'unreadable'> {
  const all: StoredEvent[] = []
  for await (const event of reader.readStream(stored.stream)) all.push(event)
  const events: RecordedEvent[] = []
  const conversation = createConversationFold()
  for (const event of await codec.decodeAll(all)) {
    if (isFault(event)) return 'unreadable'
    conversation.apply(event)
    events.push(event)
  }
  const correction = events.find(({ revision }) => revision === stored.revision)
  if (correction?.type !== 'IntentCorrected' || !isIntent(correction.data.intent)) return 'unreadable'
  const { turnId, intent } = correction.data
  const ofTurn = events.filter(({ data }) => 'turnId' in data && data.turnId === turnId)
  if (ofTurn.findLast(({ type }) => type === 'IntentCorrected') !== correction) return 'superseded'
  const asked = conversation.asked(turnId)
  if (asked === undefined) return 'unreadable'
  if (asked.isErased) return 'erased'
  const routed = ofTurn.find((event) => event.type === 'IntentRouted')
  return correctedRow(asked, { turnId, intent, was: routed?.data.intent ?? null })
}

function correctedRow(
  { question: text, history: earlier }: Asked,
  { turnId, intent, was }: { readonly turnId: string; readonly intent: Intent; readonly was: string | null },
): CorrectedRow {
  const history = earlier.slice(-HISTORY_MESSAGES_MAX)
  const hasHistory = history.length > 0
  return {
    text,
    intent,
    family: `${intent}.correction.${turnId}`,
    language: 'unknown',
    part: 'train',
    kinds: ['hard', ...(hasHistory ? ['history'] : [])],
    ...(hasHistory && { history }),
    was,
    source: 'correction',
  }
}
