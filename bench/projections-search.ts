/** What an auditor waits for who looks for the events of one turn: through the whole record, and by the index. */
import { selectEvents } from '../src/audit/event-selection.ts'
import { pageOfIndexedEvents } from '../src/audit/indexed-selection.ts'
import type { Database } from '../src/projections/database.ts'
import { createEventQueries } from '../src/projections/event-queries.ts'
import type { EventReader } from '../src/store/event-store.ts'
import { figureOf, type Row } from './measurement.ts'

const SEARCHES = 50
const PAGE_EVENTS = 1_000

export interface SearchedStage {
  readonly store: EventReader
  readonly database: Pick<Database, 'queries'>
}

export async function measureSearch({ store, database }: SearchedStage): Promise<Row[]> {
  const turns = await database.queries.query<{ id: string }>(
    'select correlation_id as id from chat.event_index order by random() limit $1',
    [SEARCHES],
  )
  const parts = { reader: store, index: createEventQueries({ database }) }
  const byIndex: number[] = []
  let found = 0
  for (const { id } of turns) {
    const startedAt = performance.now()
    found = (await pageOfIndexedEvents(parts, { correlationId: id }, PAGE_EVENTS)).events.length
    byIndex.push(performance.now() - startedAt)
  }
  const startedAt = performance.now()
  let foundInRecord = 0
  for await (const _event of selectEvents(store, { correlationId: turns.at(-1)?.id ?? '' })) foundInRecord += 1
  if (Math.min(foundInRecord, PAGE_EVENTS) !== found)
    throw new Error(`the index found ${found} events of ${foundInRecord}`)
  const tookMs = performance.now() - startedAt
  return [
    { what: 'the events of a turn, through the whole record', unit: 'ms', figure: figureOf([tookMs]) },
    { what: 'the events of a turn, by the index, p50', unit: 'ms', figure: figureOf(byIndex) },
  ]
}
