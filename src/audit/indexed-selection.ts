/** Finds events by the index of events and reads each from the record: at once, but only as far as the index goes. */
import type { StoredEvent } from '../events/codec.ts'
import { subjectIdFromStream } from '../events/stream-names.ts'
import type { LedgerReader } from '../ledger/ledger-reader.ts'
import type { EventPlace, EventQueries } from '../projections/event-queries.ts'
import type { Revision } from '../shared/ids.ts'
import { inGroups } from '../shared/slices.ts'
import type { EventReader } from '../store/event-store.ts'
import { type EventFilter, type EventPage, isPastEnd, isSelected, positionBefore } from './event-selection.ts'

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
  const { stream: _stream, from: _from, to: _to, after: _after, ...asked } = filter
  const after = await positionBefore(filter, ledger)
  const found = await index.find({ ...asked, ...(after !== undefined && { after }), limit })
  const { places, indexedTo, waitingStreams, discardedEvents } = found
  const read = (await readPlaces(reader, places)).filter((event) => isSelected(event, asked))
  const last = read.at(-1)
  const isAtEnd = places.length < limit || (last !== undefined && isPastEnd(last, filter))
  return {
    events: read.filter((event) => isSelected(event, filter)),
    next: isAtEnd ? undefined : places.at(-1)?.position,
    indexed: { to: indexedTo, waitingStreams, discardedEvents, notFound: places.length - read.length },
  }
}

/** Places of one stream that are no farther apart than this are read together. */
const GAP_MAX = 16n
const READS_AT_ONCE = 8

/** A part of a stream. */
interface Run {
  readonly stream: string
  readonly from: Revision
  to: Revision
}

/** What stands there, in log order. A place is left out where nothing stands, or something else than the index says. */
async function readPlaces(
  reader: Pick<EventReader, 'readStream'>,
  places: readonly EventPlace[],
): Promise<readonly StoredEvent[]> {
  const readable = places.filter(canBeIndexed)
  const wanted = new Set(readable.map(nameOf))
  const found: StoredEvent[] = []
  const readRun = async ({ stream, from, to }: Run) => {
    for await (const event of reader.readStream(stream, { from, limit: Number(to - from) + 1 })) {
      // Taken out, as the same part may be read twice where the index says something wrong.
      if (wanted.delete(nameOf(event))) found.push(event)
    }
  }
  await inGroups(runsOf(readable), READS_AT_ONCE, readRun)
  return found.toSorted((a, b) => (a.position < b.position ? -1 : 1))
}

const nameOf = ({ stream, revision, position, eventId }: EventPlace) => `${stream} ${revision} ${position} ${eventId}`

/** Whatever the index says, nothing is read but what can be in it. */
function canBeIndexed({ stream, revision }: EventPlace): boolean {
  return revision >= 0n && subjectIdFromStream(stream) !== undefined
}

function runsOf(places: readonly EventPlace[]): Run[] {
  const runs: Run[] = []
  const last = new Map<string, Run>()
  for (const { stream, revision } of places) {
    const run = last.get(stream)
    // Only upwards: a row that says something wrong must not keep another from being read.
    if (run !== undefined && revision > run.to && revision - run.to <= GAP_MAX) {
      run.to = revision
      continue
    }
    const begun = { stream, from: revision, to: revision }
    last.set(stream, begun)
    runs.push(begun)
  }
  return runs
}
