/** Folds a batch of events in memory to the final rows, so that each row is written once a batch. Pure. */
import type { RecordedEvent } from '../events/codec.ts'
import { conversationIdFromStream } from '../events/stream-names.ts'
import { conversationProjector } from './conversation-projector.ts'
import { conversationModel, type StoredConversation } from './conversation-read-model.ts'
import { projectors, readModels, turnNameOf } from './projectors.ts'
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
}

/** Which stored rows a batch has to see: by read model, the conversation's id and the row's name inside it. */
export type RowNames = Map<string, Map<string, { readonly conversationId: string; readonly name: string }>>

const KEY_SEPARATOR = '/' // Cannot stand in a conversation's id, which comes first.

/** Names a row among all rows of its read model. */
export function rowKey(conversationId: string, name: string): string {
  return name === '' ? conversationId : `${conversationId}${KEY_SEPARATOR}${name}`
}

/** The rows that must be loaded before these events can be folded. */
export function rowsToLoad(events: readonly RecordedEvent[]): RowNames {
  const wanted: RowNames = new Map(readModels.map(({ name }) => [name, new Map()]))
  const begun = new Set<string>()
  const want = (model: string, conversationId: string, name: string, isFirst: boolean) => {
    const key = rowKey(conversationId, name)
    const begunKey = `${model}${KEY_SEPARATOR}${key}`
    if (isFirst) begun.add(begunKey)
    else if (!begun.has(begunKey)) wanted.get(model)?.set(key, { conversationId, name })
  }
  for (const event of events) {
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

/**
 * Folds events, in log order, into `rows`, and returns the rows that changed, in their final form.
 * An event that the rows hold already changes nothing; one whose conversation is not kept has no rows.
 */
export function foldBatch(events: readonly RecordedEvent[], rows: Rows): Rows {
  const changes = new Rows()
  const put = (model: string, key: string, row: object) => {
    rows.of(model).set(key, row)
    changes.of(model).set(key, row)
  }
  for (const event of events) {
    const conversationId = conversationIdFromStream(event.stream)
    if (conversationId === undefined) continue
    const before = rows.of(conversationModel.name).get(conversationId) as StoredConversation | undefined
    if (before !== undefined && event.position <= before.lastPosition) continue
    const conversation = conversationProjector.project(before, event)
    if (conversation === undefined) continue
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
  return changes
}
