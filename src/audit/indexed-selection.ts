/** Finds events by the index of events and reads each from the record: at once, but only as far as the index goes. */
import type { StoredEvent } from '../events/codec.ts'
import type { LedgerReader } from '../ledger/ledger-reader.ts'
import type { EventPlace, EventQueries } from '../projections/event-queries.ts'
import type { EventReader } from '../store/event-store.ts'
import { CLOCK_SLACK_MS, type EventFilter, type EventPage, isSelected, positionBefore } from './event-selection.ts'

export interface IndexedSelectionParts {
  readonly reader: Pick<EventReader, 'readStream'>
  readonly index: EventQueries
  /** Lets a search by time begin where that time begins. */
  readonly ledger?: LedgerReader
}

/**
 * In log order. Every event shown is read from the record and held against the filter once more. One that the index does not
 * know, or says something else of, is not found. Throws the faults of both servers.
 */
export async function pageOfIndexedEvents(
  { reader, index, ledger }: IndexedSelectionParts,
  filter: EventFilter,
  limit: number,
): Promise<Required<EventPage>> {
  const { type, actor, correlationId, to } = filter
  const indexed = {
    ...(type !== undefined && { type }),
    ...(actor !== undefined && { actor }),
    ...(correlationId !== undefined && { correlationId }),
  }
  const after = filter.after ?? (await positionBefore(filter.from, ledger))
  const { places, indexedTo, waitingStreams } = await index.find({
    ...indexed,
    ...(after !== undefined && { after }),
    limit,
  })
  const read = await readPlaces(reader, places)
  const asIndexed = read.filter((event) => isSelected(event, indexed))
  const isPastEnd = to !== undefined && (read.at(-1)?.created.getTime() ?? 0) >= to.getTime() + CLOCK_SLACK_MS
  return {
    events: asIndexed.filter((event) => isSelected(event, filter)),
    next: places.length < limit || isPastEnd ? undefined : places.at(-1)?.position,
    indexed: { to: indexedTo, waitingStreams, notFound: places.length - asIndexed.length },
  }
}

/** Places of one stream that are no farther apart than this are read together. */
const GAP_MAX = 16n
const READS_AT_ONCE = 8

/** A part of a stream. */
interface Run {
  readonly stream: string
  readonly places: [EventPlace, ...EventPlace[]]
}

/** What stands there, in log order; a place where something else stands, or nothing, is left out. */
async function readPlaces(
  reader: Pick<EventReader, 'readStream'>,
  places: readonly EventPlace[],
): Promise<readonly StoredEvent[]> {
  const wanted = new Set(places.map(({ position }) => position))
  const found: StoredEvent[] = []
  const runs = runsOf(places)
  const readRun = async ({ stream, places: [first, ...rest] }: Run) => {
    const last = rest.at(-1) ?? first
    const limit = Number(last.revision - first.revision) + 1
    for await (const event of reader.readStream(stream, { from: first.revision, limit })) {
      if (wanted.has(event.position)) found.push(event)
    }
  }
  for (let from = 0; from < runs.length; from += READS_AT_ONCE) {
    await Promise.all(runs.slice(from, from + READS_AT_ONCE).map(readRun))
  }
  return found.toSorted((a, b) => (a.position < b.position ? -1 : 1))
}

function runsOf(places: readonly EventPlace[]): Run[] {
  const runs: Run[] = []
  const open = new Map<string, Run>()
  for (const place of places) {
    const run = open.get(place.stream)
    const gap = place.revision - (run?.places.at(-1)?.revision ?? 0n)
    // Only upwards: a row that says something wrong must not keep another from being read.
    if (run !== undefined && gap > 0n && gap <= GAP_MAX) {
      run.places.push(place)
      continue
    }
    const begun: Run = { stream: place.stream, places: [place] }
    open.set(place.stream, begun)
    runs.push(begun)
  }
  return runs
}
