/** A real embedded event store in memory, with the real client, for one test file. */
import { startEmbeddedEventStore } from '../../src/embedded/eventstore/start-embedded.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import type { EventStore, WorkQueue } from '../../src/store/event-store.ts'
import { openEventStoreDb } from '../../src/store/eventstoredb-store.ts'

export interface RecordHarness {
  readonly store: EventStore & WorkQueue
  readonly connectionString: string
  /** Another client of the same store, as another process would have. */
  readonly another: () => EventStore & WorkQueue
  readonly stop: () => Promise<void>
}

/** Uses the store at `EVENTSTORE_URL` when it is given. */
export async function startRecord(): Promise<RecordHarness> {
  const given = process.env['EVENTSTORE_URL']
  const embedded = given === undefined ? await startEmbeddedEventStore({ inMemory: true }) : undefined
  const connectionString = given ?? embedded?.connectionString ?? ''
  const opened: EventStore[] = []
  const another = () => {
    const store = openEventStoreDb({ connectionString, logger: silentLogger })
    opened.push(store)
    return store
  }
  return {
    store: another(),
    connectionString,
    another,
    async stop() {
      await Promise.all(opened.map((store) => store.close()))
      await embedded?.stop()
    },
  }
}
