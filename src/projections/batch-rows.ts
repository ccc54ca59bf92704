/** The rows that a batch of events looks at, and what it makes of them: each is met by one place in memory, and written once. */
import { readModels } from './projectors.ts'

/** One row: as it was stored, and as the events have made it by now. */
export interface BatchRow {
  /** Of the conversation or the person. */
  readonly streamId: string
  /** Inside that; '' where there is one row. */
  readonly name: string
  row: object | undefined
  /** It was there before the batch, as far as anybody asked. */
  isStored: boolean
  hasChanged: boolean
}

export class Rows {
  readonly #models: ReadonlyMap<string, ModelRows> = new Map(readModels.map(({ name }) => [name, new ModelRows()]))

  of(model: string): ModelRows {
    const rows = this.#models.get(model)
    if (rows === undefined) throw new TypeError(`no read model is called ${model}`)
    return rows
  }
}

/** Those of one read model. */
class ModelRows {
  /** By the id of the conversation or person, then by name. */
  readonly #rows = new Map<string, Map<string, BatchRow>>()
  /** Those that have to be looked up before the events can be folded. */
  readonly wanted = new Set<BatchRow>()
  readonly #changed: BatchRow[] = []

  /** The place of a row, whether there is such a row or not. */
  at(streamId: string, name: string): BatchRow {
    return this.find(streamId, name) ?? this.#place(streamId, name)
  }

  find(streamId: string, name: string): BatchRow | undefined {
    return this.#rows.get(streamId)?.get(name)
  }

  /** To be looked up, unless this is the first event of the row, or an event before it was. */
  expect(streamId: string, name: string, isFirst: boolean): void {
    if (this.find(streamId, name) !== undefined) return
    const place = this.#place(streamId, name)
    if (!isFirst) this.wanted.add(place)
  }

  /** As it was stored before the batch. */
  load(place: BatchRow, row: object): void {
    place.row = row
    place.isStored = true
    this.wanted.delete(place)
  }

  put(place: BatchRow, row: object): void {
    place.row = row
    if (place.hasChanged) return
    place.hasChanged = true
    this.#changed.push(place)
  }

  /** A row that no other event asks for. */
  append(streamId: string, row: object): void {
    this.#changed.push({ streamId, name: '', row, isStored: false, hasChanged: true })
  }

  /** The rows that changed, in their final form. */
  get changed(): readonly BatchRow[] {
    return this.#changed
  }

  #place(streamId: string, name: string): BatchRow {
    const place: BatchRow = { streamId, name, row: undefined, isStored: false, hasChanged: false }
    let ofStream = this.#rows.get(streamId)
    if (ofStream === undefined) {
      ofStream = new Map()
      this.#rows.set(streamId, ofStream)
    }
    ofStream.set(name, place)
    return place
  }
}
