/** Folds a batch of events in memory to the final rows, so that each row is written once a batch. Pure. */
import type { RecordedEvent } from '../events/codec.ts'
import { conversationIdFromStream, personIdFromStream } from '../events/stream-names.ts'
import { Fault } from '../shared/failures.ts'
import { Rows } from './batch-rows.ts'
import { conversationProjector } from './conversation-projector.ts'
import { conversationModel, type StoredConversation } from './conversation-read-model.ts'
import type { Projector } from './projector.ts'
import { personProjectors, projectors, turnNameOf } from './projectors.ts'
import { type StoredTurn, turnModel } from './turn-read-model.ts'

/** Places for the rows of these events; those that must be loaded before the events can be folded are wanted. */
export function rowsFor(events: readonly RecordedEvent[]): Rows {
  const rows = new Rows()
  for (const event of events) {
    const conversationId = conversationIdFromStream(event.stream)
    if (conversationId !== undefined) {
      const isFirst = conversationProjector.isFirst(event)
      rows.of(conversationModel.name).expect(conversationId, '', isFirst)
      expectRows(rows, event, conversationId, projectors)
      continue
    }
    const personId = personIdFromStream(event.stream)
    if (personId !== undefined) expectRows(rows, event, personId, personProjectors)
  }
  return rows
}

type Naming = Pick<Projector, 'rowNameOf' | 'isFirst' | 'isAppending'> & { readonly model: { readonly name: string } }

function expectRows(rows: Rows, event: RecordedEvent, streamId: string, projectors: readonly Naming[]): void {
  for (const { model, isAppending, rowNameOf, isFirst } of projectors) {
    const name = isAppending === true ? undefined : rowNameOf(event)
    if (name !== undefined) rows.of(model.name).expect(streamId, name, isFirst(event))
  }
}

/**
 * Folds events, in log order, into `rows`. An event that the rows hold already changes nothing; one whose conversation is not kept has
 * no rows. Throws `event-not-projectable` for one in a stream that is named like ours and is none, or that begins another
 * conversation than that of its stream: it is parked, where people see it.
 */
export function foldBatch(events: readonly RecordedEvent[], rows: Rows): void {
  for (const event of events) {
    const conversationId = conversationIdFromStream(event.stream)
    if (conversationId !== undefined) {
      foldIntoConversation(event, conversationId, rows)
      continue
    }
    const personId = personIdFromStream(event.stream)
    if (personId === undefined) {
      throw new Fault('event-not-projectable', { stream: event.stream, reason: 'it names nobody of ours' })
    }
    foldIntoPerson(event, personId, rows)
  }
}

function foldIntoConversation(event: RecordedEvent, conversationId: string, rows: Rows): void {
  const conversations = rows.of(conversationModel.name)
  const place = conversations.at(conversationId, '')
  const before = place.row as StoredConversation | undefined
  if (before !== undefined && event.position <= before.lastPosition) return
  if (event.type === 'ConversationStarted' && event.data.conversationId !== conversationId) {
    throw new Fault('event-not-projectable', { stream: event.stream, reason: 'it begins another conversation' })
  }
  const conversation = conversationProjector.project(before, event)
  if (conversation === undefined) return
  conversations.put(place, conversation)

  const turnName = turnNameOf(event)
  const turn = turnName === undefined ? undefined : rows.of(turnModel.name).find(conversationId, turnName)?.row
  const surroundings = { conversation, turn: turn as StoredTurn | undefined }
  for (const { model, isAppending, rowNameOf, project } of projectors) {
    const name = rowNameOf(event)
    if (name === undefined) continue
    const ofModel = rows.of(model.name)
    if (isAppending === true) {
      const row = project(undefined, event, surroundings)
      if (row !== undefined) ofModel.append(conversationId, row)
      continue
    }
    const own = ofModel.at(conversationId, name)
    const next = project(own.row, event, surroundings)
    if (next !== undefined && next !== own.row) ofModel.put(own, next)
  }
}

function foldIntoPerson(event: RecordedEvent, personId: string, rows: Rows): void {
  for (const { model, rowNameOf, project, lastPositionOf } of personProjectors) {
    const name = rowNameOf(event)
    if (name === undefined) continue
    const ofModel = rows.of(model.name)
    const own = ofModel.at(personId, name)
    const { row } = own
    if (row !== undefined && event.position <= lastPositionOf(row)) continue
    const next = project(row, event)
    if (next !== undefined && next !== row) ofModel.put(own, next)
  }
}
