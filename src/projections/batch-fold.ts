/** Folds a batch of events in memory to the final rows, so that each row is written once a batch. Pure. */
import type { RecordedEvent } from '../events/codec.ts'
import { conversationIdFromStream, personIdFromStream } from '../events/stream-names.ts'
import { Fault } from '../shared/failures.ts'
import { conversationProjector } from './conversation-projector.ts'
import { conversationModel, type StoredConversation } from './conversation-read-model.ts'
import type { PersonRow } from './projector.ts'
import { personProjectors, projectors, readModels, turnNameOf } from './projectors.ts'
import { type StoredTurn, turnModel } from './turn-read-model.ts'

/** The rows of one read model by `rowKey`. */
type RowsByKey = Map<string, object>

/** Rows by the name of their read model. */
export class Rows {
  readonly #byModel = new Map<string, RowsByKey>(readModels.map(({ name }) => [name, new Map()]))

  of(model: string): RowsByKey {
    const rows = this.#byModel.get(model)
    if (rows === undefined) throw new TypeError(`no read model is called ${model}`)
    return rows
  }

  filter(isWanted: (model: string, key: string) => boolean): Rows {
    const filtered = new Rows()
    for (const [model, rows] of this.#byModel) {
      for (const [key, row] of rows) if (isWanted(model, key)) filtered.of(model).set(key, row)
    }
    return filtered
  }
}

/** Which stored rows a batch has to see: by read model, the id of the conversation or person, and the row's name inside it. */
export type RowNames = Map<string, Map<string, { readonly streamId: string; readonly name: string }>>

const KEY_SEPARATOR = '/' // Cannot stand in a stream's id, which comes first.

/** Names a row among all rows of its read model. */
export function rowKey(streamId: string, name: string): string {
  return name === '' ? streamId : `${streamId}${KEY_SEPARATOR}${name}`
}

/** The rows that must be loaded before these events can be folded. */
export function rowsToLoad(events: readonly RecordedEvent[]): RowNames {
  const wanted: RowNames = new Map(readModels.map(({ name }) => [name, new Map()]))
  const begun = new Set<string>()
  const want = (model: string, streamId: string, name: string, isFirst: boolean) => {
    const key = rowKey(streamId, name)
    const begunKey = `${model}${KEY_SEPARATOR}${key}`
    if (isFirst) begun.add(begunKey)
    else if (!begun.has(begunKey)) wanted.get(model)?.set(key, { streamId, name })
  }
  for (const event of events) {
    const personId = personIdFromStream(event.stream)
    if (personId !== undefined) {
      for (const { model, rowNameOf, isFirst } of personProjectors) {
        const name = rowNameOf(event)
        if (name !== undefined) want(model.name, personId, name, isFirst(event))
      }
    }
    const conversationId = conversationIdFromStream(event.stream)
    if (conversationId === undefined) continue
    want(conversationModel.name, conversationId, '', conversationProjector.isFirst(event))
    for (const { model, rowNameOf, isFirst } of projectors) {
      const name = rowNameOf(event)
      if (name !== undefined) want(model.name, conversationId, name, isFirst(event))
    }
  }
  return wanted
}

type Put = (model: string, key: string, row: object) => void

/**
 * Folds events, in log order, into `rows`, and returns the rows that changed, in their final form, together with those of `changes`.
 * An event that the rows hold already changes nothing; one whose conversation is not kept has no rows.
 * Throws `event-not-projectable` for one in a stream that is named like ours and is none: it is parked, where people see it.
 */
export function foldBatch(events: readonly RecordedEvent[], rows: Rows, changes = new Rows()): Rows {
  const put: Put = (model, key, row) => {
    rows.of(model).set(key, row)
    changes.of(model).set(key, row)
  }
  for (const event of events) {
    const conversationId = conversationIdFromStream(event.stream)
    const personId = personIdFromStream(event.stream)
    if (conversationId !== undefined) foldIntoConversation(event, conversationId, rows, put)
    else if (personId !== undefined) foldIntoPerson(event, personId, rows, put)
    else throw new Fault('event-not-projectable', { stream: event.stream, reason: 'it names nobody of ours' })
  }
  return changes
}

function foldIntoConversation(event: RecordedEvent, conversationId: string, rows: Rows, put: Put): void {
  const before = rows.of(conversationModel.name).get(conversationId) as StoredConversation | undefined
  if (before !== undefined && event.position <= before.lastPosition) return
  const conversation = conversationProjector.project(before, event)
  if (conversation === undefined) return
  put(conversationModel.name, conversationId, conversation)

  const turnName = turnNameOf(event)
  const turn =
    turnName === undefined
      ? undefined
      : (rows.of(turnModel.name).get(rowKey(conversationId, turnName)) as StoredTurn | undefined)
  for (const projector of projectors) {
    const name = projector.rowNameOf(event)
    if (name === undefined) continue
    const key = rowKey(conversationId, name)
    const row = rows.of(projector.model.name).get(key)
    const next = projector.project(row, event, { conversation, turn })
    if (next !== undefined && next !== row) put(projector.model.name, key, next)
  }
}

function foldIntoPerson(event: RecordedEvent, personId: string, rows: Rows, put: Put): void {
  for (const projector of personProjectors) {
    const name = projector.rowNameOf(event)
    if (name === undefined) continue
    const key = rowKey(personId, name)
    const row = rows.of(projector.model.name).get(key) as PersonRow | undefined
    if (row !== undefined && event.position <= row.lastPosition) continue
    const next = projector.project(row, event)
    if (next !== undefined && next !== row) put(projector.model.name, key, next)
  }
}
